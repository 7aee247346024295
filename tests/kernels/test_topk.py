import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.topk import replace_worst

from tests.reference import topk as reference


@settings(deadline=None)
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
