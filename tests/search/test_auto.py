import numpy as np
import pytest

from semsig import ClassTable, SbsSchema
from semsig.search.auto import AutoScan
from semsig.search.dense import DenseScan
from tests.search.batches import random_batch
from tests.search.scans import ScanLaws


class TestAutoScan(ScanLaws):
    scan = AutoScan


@pytest.mark.slow
@pytest.mark.parametrize("k", [3, 100, 300])
def test_whatever_it_picks_the_answers_are_the_same(k):
    schema = SbsSchema(1, ClassTable([str(c) for c in range(24)]))
    rows, queries = random_batch(17_000, schema, seed=1), random_batch(9, schema, seed=2)
    oracle, scan = DenseScan(rows), AutoScan(rows)
    for found, expected in zip(scan.search(queries, k), oracle.search(queries, k), strict=True):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(
        scan.search_radius(queries, 20), oracle.search_radius(queries, 20), strict=True
    ):
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
