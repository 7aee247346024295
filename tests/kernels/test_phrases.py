import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.phrases import link_pairs

from tests.reference.sbovp import column, pairs


def link(features, sizes, words, n_words, length, blocks=None):
    """Regions of the given sizes, one after the other: columns and ends of all pairs."""
    count = len(features)
    starts = np.cumsum([0, *sizes])
    blocks = np.zeros(len(sizes), np.int64) if blocks is None else np.array(blocks)
    most = count * length * (length - 1) // 2
    columns, ends = np.full(most, 2**32 - 1, np.uint32), np.full((most, 2), -1)
    table = np.ascontiguousarray(np.array(features, np.float32).T)
    words = np.array(words, np.int64)
    written = link_pairs(table, starts, blocks, words, n_words, length, columns, ends)
    assert (ends[written:] == -1).all()
    return columns[:written].tolist(), ends[:written].tolist()


@st.composite
def photos(draw):
    dimensions = draw(st.integers(1, 9))
    sizes = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    number = st.integers(0, 3) | st.floats(-1, 1, width=32)
    row = st.lists(number, min_size=dimensions, max_size=dimensions)
    features = draw(st.lists(row, min_size=sum(sizes), max_size=sum(sizes)))
    n_words = draw(st.integers(1, 4))
    one = st.integers(0, n_words - 1)
    return features, sizes, draw(st.lists(one, min_size=sum(sizes), max_size=sum(sizes))), n_words


@settings(max_examples=60)
@given(photos(), st.integers(2, 4))
def test_links_as_the_definition_says(photo, length):
    features, sizes, words, n_words = photo
    rows = np.array(features, np.float32)
    blocks = [100 * r for r in range(len(sizes))]
    columns, ends = link(features, sizes, words, n_words, length, blocks)
    expected, first = [], 0
    for block, size in zip(blocks, sizes, strict=True):
        members = range(first, first + size)
        expected += [(block, *pair) for pair in pairs(rows, members, length)]
        first += size
    assert ends == [[one, other] for _, one, other in expected]
    assert columns == [b + column(words[i], words[j], n_words) for b, i, j in expected]


def test_a_region_linked_by_hand():
    # On a line at 0, 1, 3, 4.5: nearest are 1, 0, 3, 2 (counted from 0); then 2, 2, 1, 1.
    features, words = [[0], [1], [3], [4.5]], [0, 1, 1, 0]
    columns, ends = link(features, [4], words, 2, 2)
    assert ends == [[0, 1], [1, 0], [2, 3], [3, 2]]
    assert columns == [1, 1, 1, 1]  # (0, 0), (0, 1), (1, 1) are columns 0, 1, 2
    columns, ends = link(features, [4], words, 2, 3)
    assert ends[:3] == [[0, 1], [0, 2], [1, 2]]
    assert columns[:3] == [1, 1, 2]


@pytest.mark.parametrize("length", [2, 3, 4])
def test_of_equally_near_ones_the_first_are_linked(length):
    _, ends = link([[1.0, 1.0]] * 6, [6], [0] * 6, 1, length)
    own = [[j for i, j in ends if i == k and j != k][: length - 1] for k in range(6)]
    assert own[5] == list(range(length - 1))
    assert own[0][0] == 1


@pytest.mark.parametrize("sizes", [[], [1], [1, 1, 1]])
def test_a_lone_keypoint_makes_no_phrase(sizes):
    assert link(np.zeros((sum(sizes), 3)), sizes, [0] * sum(sizes), 1, 4) == ([], [])


def test_a_small_region_makes_shorter_phrases():
    columns, ends = link([[0], [1]], [2], [0, 1], 2, 4)
    assert ends == [[0, 1], [1, 0]]
    assert columns == [1, 1]


def test_links_do_not_leave_the_region():
    features = [[0], [9], [0], [9]]
    _, ends = link(features, [2, 2], [0] * 4, 1, 2)
    assert ends == [[0, 1], [1, 0], [2, 3], [3, 2]]


def test_the_last_column_of_32_bits():
    columns, _ = link([[0], [1]], [2], [0, 0], 1, 2, [2**32 - 1])
    assert columns == [2**32 - 1] * 2


@pytest.mark.parametrize("count", [5, 70])
def test_sixty_four_dimensions(count):
    rows = np.random.default_rng(count).normal(size=(count, 64)).astype(np.float32)
    _, ends = link(rows, [count], [0] * count, 1, 2)
    apart = ((rows[:, None].astype(float) - rows) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    assert [other for _, other in ends] == apart.argmin(1).tolist()
