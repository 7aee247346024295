import numpy as np
import pytest

from semsig import ClassTable, SbsBatch, SbsSchema, SbsSignature
from semsig.search.bounded import BoundedScan
from semsig.search.dense import DenseScan
from tests.search.batches import random_batch, threads
from tests.search.scans import METRICS, ScanLaws


class TestBoundedScan(ScanLaws):
    scan = BoundedScan


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("levels", [0, 1, 3])
def test_many_chunks_and_threads_agree_with_the_dense_scan(metric, levels):
    schema = SbsSchema(levels, ClassTable([str(c) for c in range(96 >> levels)]))
    rows, queries = random_batch(70_000, schema, seed=1), random_batch(11, schema, seed=2)
    allowed = np.arange(len(rows)) % 7 != 0
    dense, scan = DenseScan(rows), BoundedScan(rows)
    for k, mask in ((1, None), (40, allowed)):
        oracle = dense.search(queries, k, metric=metric, allowed=mask)
        for count in (1, 3):
            with threads(count):
                found = scan.search(queries, k, metric=metric, allowed=mask)
            np.testing.assert_array_equal(found[0], oracle[0])
            np.testing.assert_array_equal(found[1], oracle[1])


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n_classes", [2800, 4096])
def test_rows_so_heavy_that_scores_hardly_fit(metric, n_classes):
    schema = SbsSchema(1, ClassTable([str(c) for c in range(n_classes)]))
    rng, n = np.random.default_rng(7), schema.n_cells
    heavy = [SbsSignature(np.arange(n) * 4 + 3, schema)] * 3
    light = [SbsSignature(np.flatnonzero(rng.random(n) < 0.9) * 4 + 2, schema) for _ in range(97)]
    rows, queries = SbsBatch.of(light + heavy), SbsBatch.of([heavy[0], light[3]])
    found = BoundedScan(rows).search(queries, 5, metric=metric)
    expected = DenseScan(rows).search(queries, 5, metric=metric)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("metric", METRICS)
def test_radius_from_none_to_all(metric):
    schema = SbsSchema(1, ClassTable([str(c) for c in range(48)]))
    rows, queries = random_batch(20_000, schema, seed=3), random_batch(2, schema, seed=4)
    dense, scan = DenseScan(rows), BoundedScan(rows)
    reached = dense.search(queries, 5000, metric=metric)[0]
    for radius in (0, *reached[0, [0, 100, 4999]].tolist(), 10_000):
        expected = dense.search_radius(queries, radius, metric=metric)
        found = scan.search_radius(queries, radius, metric=metric)
        for answer, truth in zip(found, expected, strict=True):
            np.testing.assert_array_equal(answer[0], truth[0])
            np.testing.assert_array_equal(answer[1], truth[1])
