import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.rerank import (
    Encodings,
    average_encodings,
    encode_neighbors,
    jaccard_distances,
    keep_reciprocal,
)

from tests.reference import rerank as reference


@st.composite
def neighbor_lists(draw):
    """Distances and rows (n, m) of the nearest of n points on a line, some lists shorter."""
    points = np.array(draw(st.lists(st.integers(0, 12), min_size=1, max_size=9)))
    gaps = np.abs(points[:, None] - points).astype(np.float32)
    rows = np.argsort(gaps, axis=1, kind="stable")
    distances = np.take_along_axis(gaps, rows, axis=1)
    width = draw(st.integers(1, len(points)))
    for i in range(len(points)):
        end = draw(st.integers(1, width))
        rows[i, end:], distances[i, end:] = -1, -1
    return distances[:, :width].copy(), rows[:, :width].copy()


def encodings(dicts):
    """Encodings of dicts."""
    rows = [row for one in dicts for row in one]
    weights = [weight for one in dicts for weight in one.values()]
    bounds = np.cumsum([0, *map(len, dicts)])
    return Encodings(np.array(rows, np.int64), np.array(weights, np.float64), bounds)


def room(count, entries):
    return encodings([{}] * count)._replace(
        rows=np.empty(entries, np.int64), weights=np.empty(entries)
    )


def dicts(found):
    spans = zip(found.bounds, found.bounds[1:], strict=False)
    return [
        dict(zip(found.rows[a:b].tolist(), found.weights[a:b].tolist(), strict=True))
        for a, b in spans
    ]


def padded(lists, width):
    return np.array([[*one, *[-1] * (width - len(one))] for one in lists], np.int64)


@settings(max_examples=60)
@given(neighbor_lists(), st.integers(1, 6))
def test_keeps_those_that_are_within_their_own_reach(lists, k):
    distances, rows = lists
    reach = np.array(reference.reach(rows, distances, k), np.float32)
    kept = np.empty((len(rows), min(k + 1, rows.shape[1])), np.int64)
    keep_reciprocal(rows, distances, reach, kept)
    expected = [reference.reciprocal(r, d, reach, k) for r, d in zip(rows, distances, strict=True)]
    np.testing.assert_array_equal(kept, padded(expected, kept.shape[1]))


@settings(max_examples=60)
@given(neighbor_lists(), st.integers(1, 6))
def test_encodes_as_by_definition(lists, k):
    distances, rows = lists
    wide, close = (
        [
            reference.reciprocal(r, d, reference.reach(rows, distances, size), size)
            for r, d in zip(rows, distances, strict=True)
        ]
        for size in (k, round(k / 2))
    )
    found = room(len(rows), rows.size)
    encode_neighbors(rows, distances, padded(wide, k + 1), padded(close, k + 1), found)
    expected = [
        reference.encode(r, d, w, close) for r, d, w in zip(rows, distances, wide, strict=True)
    ]
    for one, other in zip(dicts(found), expected, strict=True):
        assert one == pytest.approx(other)


sparse = st.lists(
    st.dictionaries(st.integers(0, 5), st.floats(0.01, 1), min_size=1), min_size=6, max_size=6
)


@settings(max_examples=60)
@given(sparse, st.lists(st.lists(st.integers(-1, 5), min_size=3, max_size=3), max_size=4))
def test_averages_members_and_leaves_no_trace(given_, members):
    members = np.array(members, np.int64).reshape(-1, 3)
    work, found = np.zeros(6), room(len(members), 18 * max(1, len(members)))
    average_encodings(members, encodings(given_), work, found)
    for one, row in zip(dicts(found), members, strict=True):
        kept = [given_[member] for member in row if member >= 0]
        assert one == pytest.approx(reference.mean(kept) if kept else {})
    assert not work.any()


@settings(max_examples=60)
@given(sparse, st.lists(st.integers(-1, 5), min_size=2, max_size=2))
def test_jaccard_distances_of_encodings_that_sum_to_1(given_, listed):
    shares = [{row: w / sum(e.values()) for row, w in e.items()} for e in given_]
    rows, found = np.array([listed] * 6, np.int64), np.empty((6, 2))
    work = np.zeros(6)
    jaccard_distances(encodings(shares), rows, encodings(shares), work, found)
    for i, t in np.ndindex(6, 2):
        expected = reference.jaccard(shares[i], shares[rows[i, t]]) if rows[i, t] >= 0 else 1
        assert found[i, t] == pytest.approx(expected)
        assert found[i, t] >= 0
        assert found[i, t] == 0 or rows[i, t] != i
    assert not work.any()


def test_worked_by_hand():
    # points 0, 1, 3 on a line; k1 = 1: the nearest of 0 is 1 and of 1 is 0, of 3 it is 1
    rows = np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]])
    distances = np.array([[0, 1, 3], [0, 1, 2], [0, 2, 3]], np.float32)
    reach = distances[:, 1].copy()
    kept = np.empty((3, 2), np.int64)
    keep_reciprocal(rows, distances, reach, kept)
    assert kept.tolist() == [[0, 1], [1, 0], [2, -1]]
    found = room(3, 9)
    encode_neighbors(rows, distances, kept, kept[:, :1].copy(), found)
    a, b = 1 / (1 + np.exp(-1 / 3)), 1 / (1 + np.exp(-1 / 2))
    for one, other in zip(dicts(found), [{0: a, 1: 1 - a}, {1: b, 0: 1 - b}, {2: 1}], strict=True):
        assert one == pytest.approx(other)
