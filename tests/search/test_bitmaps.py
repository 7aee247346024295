import numpy as np
import pytest

from semsig import ClassTable, SbsBatch, SbsSchema
from semsig.search.bitmaps import BitmapsScan
from semsig.search.dense import DenseScan
from tests.search.batches import random_batch, threads
from tests.search.scans import METRICS, ScanLaws


class TestBitmapsScan(ScanLaws):
    scan = BitmapsScan


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_classes", [3, 6, 4200])
def test_many_chunks_and_threads_agree_with_the_dense_scan(metric, n_classes):
    schema = SbsSchema(1, ClassTable([str(c) for c in range(n_classes)]))
    rows, queries = random_batch(17_000, schema, seed=1), random_batch(5, schema, seed=2)
    allowed = np.arange(len(rows)) % 7 != 0
    oracle = DenseScan(rows).search(queries, 300, metric=metric, allowed=allowed)
    scan = BitmapsScan(rows)
    for count in (1, 2, 8):
        with threads(count):
            found = scan.search(queries, 300, metric=metric, allowed=allowed)
        np.testing.assert_array_equal(found[0], oracle[0])
        np.testing.assert_array_equal(found[1], oracle[1])


@pytest.mark.slow
def test_queries_that_share_more_than_the_planes_hold():
    schema = SbsSchema(2, ClassTable([str(c) for c in range(60)]))
    full = np.arange(schema.n_cells) * 4 + np.arange(schema.n_cells) % 4
    rows = SbsBatch(
        np.tile(full, 3).astype(np.uint16), np.array([0, *(len(full) * np.arange(1, 4))]), schema
    )
    distances, found = BitmapsScan(rows).search(rows, 3)
    assert not distances.any()
    assert found.tolist() == [[0, 1, 2]] * 3


def test_sums_beyond_16_bits_are_left_to_the_postings():
    schema = SbsSchema(1, ClassTable([str(c) for c in range(4000)]))
    full = np.arange(14_000) * 4 + 3
    rows = SbsBatch.of([SbsBatch(full.astype(np.uint16), np.array([0, 14_000]), schema)[0]])
    distances, _ = BitmapsScan(rows).search(rows, 1, metric="tanimoto")
    assert distances.tolist() == [[0]]
