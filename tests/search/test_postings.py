import numpy as np
import pytest

from semsig import ClassTable, SbsSchema
from semsig.search.dense import DenseScan
from semsig.search.postings import PostingsScan
from tests.search.batches import random_batch, threads
from tests.search.scans import METRICS, ScanLaws


class TestPostingsScan(ScanLaws):
    scan = PostingsScan


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "n_classes", "n_rows"),
    [*((metric, 6, 40_000) for metric in METRICS), ("hamming", 4200, 17_000)],
)
def test_many_chunks_and_threads_agree_with_the_dense_scan(metric, n_classes, n_rows):
    schema = SbsSchema(1, ClassTable([str(c) for c in range(n_classes)]))
    rows, queries = random_batch(n_rows, schema, seed=1), random_batch(5, schema, seed=2)
    allowed = np.arange(n_rows) % 7 != 0
    oracle = DenseScan(rows).search(queries, 300, metric=metric, allowed=allowed)
    scan = PostingsScan(rows)
    for count in (1, 2, 3, 8):
        with threads(count):
            found = scan.search(queries, 300, metric=metric, allowed=allowed)
        np.testing.assert_array_equal(found[0], oracle[0])
        np.testing.assert_array_equal(found[1], oracle[1])
