import numpy as np
import pytest
from semsig_kernels.threads import set_thread_count, thread_count

from semsig import ClassTable, SbsBatch, SbsSchema
from semsig.index.dense import DenseScan
from semsig.index.postings import PostingsScan
from tests.index.scans import METRICS, ScanLaws


class TestPostingsScan(ScanLaws):
    scan = PostingsScan


def random_batch(rows, schema, seed, cells_a_row=12):
    """Sparse rows; a third of them repeats another, for ties."""
    rng = np.random.default_rng(seed)
    cells = np.sort(rng.integers(0, schema.n_cells // cells_a_row, (rows, cells_a_row)), axis=1)
    cells += np.arange(cells_a_row) * (schema.n_cells // cells_a_row)
    codes = cells * 4 + rng.integers(0, 4, cells.shape)
    codes[::3] = codes[rng.integers(0, rows, len(codes[::3]))]
    offsets = np.arange(rows + 1) * cells_a_row
    return SbsBatch(codes.astype(schema.cell_dtype).reshape(-1), offsets, schema)


@pytest.fixture
def threads():
    before = thread_count()
    yield set_thread_count
    set_thread_count(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "n_classes", "n_rows"),
    [*((metric, 6, 40_000) for metric in METRICS), ("hamming", 4200, 17_000)],
)
def test_many_chunks_and_threads_agree_with_the_dense_scan(metric, n_classes, n_rows, threads):
    schema = SbsSchema(1, ClassTable([str(c) for c in range(n_classes)]))
    rows, queries = random_batch(n_rows, schema, seed=1), random_batch(5, schema, seed=2)
    allowed = np.arange(n_rows) % 7 != 0
    oracle = DenseScan(rows).search(queries, 300, metric=metric, allowed=allowed)
    scan = PostingsScan(rows)
    for count in (1, 2, 3, 8):
        threads(count)
        found = scan.search(queries, 300, metric=metric, allowed=allowed)
        np.testing.assert_array_equal(found[0], oracle[0])
        np.testing.assert_array_equal(found[1], oracle[1])
