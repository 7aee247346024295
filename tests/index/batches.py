"""Hypothesis strategies for batches of signatures."""

import numpy as np
from hypothesis import strategies as st

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
