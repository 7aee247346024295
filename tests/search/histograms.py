"""Bags of visual phrases for tests, drawn by hypothesis or at random."""

import numpy as np
from hypothesis import strategies as st

from semsig import ClassTable, SbovpBatch, SbovpSchema, SbovpSignature

NORMS = ["none", "l2", "sqrt"]


def schema_of(norm, n_words=4, words="semantic", classes="abc"):
    return SbovpSchema(
        detector="kaze",
        vocabulary="0" * 64,
        n_words=n_words,
        classes=ClassTable(list(classes), name="beach"),
        words=words,
        space="descriptor",
        length=2,
        regions="classes",
        norm=norm,
    )


def histograms(schema, most=6):
    """Histograms over the first and last columns, so that they often share some."""
    n = schema.n_columns
    columns = sorted({*range(min(6, n)), *range(max(0, n - 6), n)})
    counts = st.sampled_from([1, 1, 2, 3, 7, 300, 65535])
    drawn = st.dictionaries(st.sampled_from(columns), counts, max_size=most)
    return drawn.map(lambda d: SbovpSignature(sorted(d), [d[c] for c in sorted(d)], schema))


def batches(schema, max_size=8):
    return st.lists(histograms(schema), max_size=max_size).map(lambda s: SbovpBatch.of(s, schema))


def random_batch(rows, schema, seed, columns_a_row=6):
    """Sparse rows; a third of them repeats another, for ties."""
    rng = np.random.default_rng(seed)
    step = schema.n_columns // columns_a_row
    columns = rng.integers(0, step, (rows, columns_a_row)) + np.arange(columns_a_row) * step
    counts = np.minimum(rng.zipf(1.7, columns.shape), 65535)
    same = rng.integers(0, rows, len(columns[::3]))
    columns[::3], counts[::3] = columns[same], counts[same]
    offsets = np.arange(rows + 1) * columns_a_row
    flat = columns.astype(np.uint32).reshape(-1), counts.astype(np.uint16).reshape(-1)
    return SbovpBatch(*flat, offsets, schema)
