import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.sums import sum_rows

from tests.kernels.test_postings import flatten
from tests.reference import grouping

N_GROUPS = 4
cells = st.tuples(st.integers(0, N_GROUPS - 1), st.integers(0, 5))


@settings(max_examples=40)
@given(st.lists(st.lists(cells, max_size=9), max_size=6))
def test_weights_are_summed_by_row_and_group(drawn):
    groups, offsets = flatten([[group for group, _ in row] for row in drawn])
    weights, _ = flatten([[weight for _, weight in row] for row in drawn])
    work, written = np.zeros(N_GROUPS, np.int64), np.empty((3, len(groups)), np.int64)
    count = sum_rows(groups, weights, offsets, work, *written)
    found = {(row, group): total for row, group, total in written[:, :count].T.tolist()}
    assert found == grouping.sums_by_group(drawn)
    assert len(found) == count
    assert not work.any()
