import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semsig_kernels.postings import group_rows

from semsig import ClassTable, SbsBatch, SbsSchema
from semsig.search.postings import PostingsScan
from tests.reference import grouping
from tests.reference import hamming as reference
from tests.search.batches import random_batch
from tests.search.scans import METRICS, pairs

N_SLOTS = 9


def flatten(rows):
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return np.array([entry for row in rows for entry in row], np.int64), offsets


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, N_SLOTS - 1), unique=True), max_size=8))
def test_rows_are_grouped_by_slot(rows):
    slots, offsets = flatten(rows)
    starts, ids = np.zeros(N_SLOTS + 1, np.uint32), np.empty(len(slots), np.uint16)
    group_rows(slots, offsets, starts, ids)
    found = {s: ids[starts[s] : starts[s + 1]].tolist() for s in range(N_SLOTS)}
    assert {s: of_slot for s, of_slot in found.items() if of_slot} == grouping.rows_by_slot(rows)


@pytest.mark.parametrize("metric", METRICS)
def test_nearest_as_by_definition(metric):
    schema = SbsSchema(1, ClassTable("abc"))
    rows, query = random_batch(40, schema, 1, 4), random_batch(1, schema, 2, 4)
    (distances,), (found,) = PostingsScan(rows).search(query, 9, metric=metric)
    assert pairs(distances, found) == reference.search(rows, SbsBatch.of(query), 9, metric)
