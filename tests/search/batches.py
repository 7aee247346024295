"""Batches of signatures for tests, drawn by hypothesis or at random; and thread counts."""

from contextlib import contextmanager

import numpy as np
from hypothesis import strategies as st
from semsig_kernels.threads import set_thread_count, thread_count

from semsig import SbsBatch, SbsSignature


def signatures(schema, spread=12, most=6):
    """Signatures over the first and last cells of a schema, so that they often share some."""
    n = schema.n_cells
    cells = sorted({*range(min(spread, n)), *range(max(0, n - spread), n)})
    levels = st.integers(0, 3)
    drawn = st.dictionaries(st.sampled_from(cells), levels, max_size=most)
    return drawn.map(
        lambda d: SbsSignature(np.array([c * 4 + d[c] for c in sorted(d)], np.int64), schema)
    )


def batches(schema, max_size=8):
    return st.lists(signatures(schema), max_size=max_size).map(lambda s: SbsBatch.of(s, schema))


def random_batch(rows, schema, seed, cells_a_row=12):
    """Sparse rows; a third of them repeats another, for ties."""
    rng = np.random.default_rng(seed)
    cells = np.sort(rng.integers(0, schema.n_cells // cells_a_row, (rows, cells_a_row)), axis=1)
    cells += np.arange(cells_a_row) * (schema.n_cells // cells_a_row)
    codes = cells * 4 + rng.integers(0, 4, cells.shape)
    codes[::3] = codes[rng.integers(0, rows, len(codes[::3]))]
    offsets = np.arange(rows + 1) * cells_a_row
    return SbsBatch(codes.astype(schema.cell_dtype).reshape(-1), offsets, schema)


@contextmanager
def threads(count):
    before = thread_count()
    set_thread_count(count)
    yield
    set_thread_count(before)
