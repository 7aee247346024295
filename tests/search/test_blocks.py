from functools import partial

import numpy as np
import pytest

from semsig import ClassTable, SbsSchema
from semsig.search.blocks import BlocksScan
from semsig.search.dense import DenseScan
from tests.search.batches import random_batch, threads
from tests.search.scans import METRICS, ScanLaws


class TestBlocksScan(ScanLaws):
    scan = BlocksScan


class TestBlocksScanOfTinyChunks(ScanLaws):
    scan = partial(BlocksScan, chunk_blocks=64)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("levels", [0, 1, 3])
def test_many_chunks_and_threads_agree_with_the_dense_scan(metric, levels):
    schema = SbsSchema(levels, ClassTable([str(c) for c in range(96 >> levels)]))
    rows, queries = random_batch(9000, schema, seed=1), random_batch(11, schema, seed=2)
    allowed = np.arange(len(rows)) % 7 != 0
    few = np.arange(len(rows)) % 1000 == 3
    dense, scan = DenseScan(rows), BlocksScan(rows, chunk_blocks=64)
    for k, mask in ((1, None), (40, allowed), (12, few)):
        oracle = dense.search(queries, k, metric=metric, allowed=mask)
        for count in (1, 3):
            with threads(count):
                found = scan.search(queries, k, metric=metric, allowed=mask)
            np.testing.assert_array_equal(found[0], oracle[0])
            np.testing.assert_array_equal(found[1], oracle[1])
