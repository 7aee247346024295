import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from semsig_kernels.topk import replace_worst, sort_nearest

from tests.reference import topk as reference


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 9), st.randoms())
def test_keeps_the_least_pairs_whatever_the_order(values, k, random):
    pairs = [(float(distance), row) for row, distance in enumerate(values)]
    random.shuffle(pairs)
    distances, rows = np.full(k, np.inf), np.full(k, -1, np.int64)
    for distance, row in pairs:
        if (distance, row) < (distances[0], rows[0]):
            replace_worst(distances, rows, distance, row)
    held = sorted(zip(distances, rows, strict=True))
    assert held[: len(pairs)] == reference.least(pairs, k)
    assert np.isinf([distance for distance, _ in held[len(pairs) :]]).all()


@given(st.lists(st.lists(st.integers(0, 6), max_size=9), min_size=1, max_size=4), st.integers(1, 6))
def test_sorts_what_several_threads_found(parts, k):
    """Each part is a heap of its own; the answer is the least of all, ascending."""
    distances, rows = np.full((1, k * len(parts)), np.inf), np.full((1, k * len(parts)), -1)
    pairs = []
    for part, values in enumerate(parts):
        own = slice(part * k, (part + 1) * k)
        for number, value in enumerate(values):
            pair = float(value), 10 * part + number
            pairs.append(pair)
            if pair < (distances[0, own][0], rows[0, own][0]):
                replace_worst(distances[0, own], rows[0, own], *pair)
    sort_nearest(distances, rows, k)
    expected = reference.least(pairs, k)
    assert list(zip(distances[0], rows[0], strict=True))[: len(expected)] == expected
    assert np.isinf(distances[0, len(expected) : k]).all()
