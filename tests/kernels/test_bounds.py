import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.bounds import sum_rows

from semsig import ClassTable, SbsBatch, SbsSchema
from semsig.index.bounded import BoundedScan, quarter_groups
from tests.index.batches import random_batch
from tests.index.scans import METRICS, pairs
from tests.kernels.test_postings import flatten
from tests.reference import grouping
from tests.reference import hamming as reference

N_GROUPS = 4
cells = st.tuples(st.integers(0, N_GROUPS - 1), st.integers(0, 5))


@settings(max_examples=40, deadline=None)
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


def test_a_cell_is_in_the_group_of_its_class_and_quarter():
    groups = quarter_groups(SbsSchema(2, ClassTable("ab")))
    rows, columns = np.divmod(np.arange(16), 4)
    quarters = rows // 2 * 2 + columns // 2
    expected = [label * 4 + quarter for quarter in quarters for label in range(2)]
    assert groups.tolist() == expected


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("levels", [0, 2])
def test_nearest_as_by_definition(metric, levels):
    schema = SbsSchema(levels, ClassTable([str(c) for c in range(48 >> 2 * levels)]))
    rows, query = random_batch(60, schema, 1, 8), random_batch(1, schema, 2, 8)
    (distances,), (found,) = BoundedScan(rows).search(query, 9, metric=metric)
    assert pairs(distances, found) == reference.search(rows, SbsBatch.of(query), 9, metric)
