"""Signatures as sparse matrices of bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import DTypeLike, NDArray

from semsig.types import SbsBatch, SbsSchema


def csr_bits(batch: SbsBatch, dtype: DTypeLike) -> scipy.sparse.csr_array:
    """Return the bit strings of :meth:`SbsSignature.to_bits`, one per row.

    Parameters
    ----------
    batch : SbsBatch
        N signatures.
    dtype : dtype
        Of the ones.

    Returns
    -------
    csr_array, shape (N, n_bits)
        Column indices ascend in each row; they are int32, which some estimators insist on, up to
        2^31 bits set in all.
    """
    cell = batch.cells.astype(np.int64) >> 2
    level = (batch.cells & 3).astype(np.int64) + 1
    first_bit = np.zeros(len(cell) + 1, np.int64)
    np.cumsum(level, out=first_bit[1:])
    to_go = np.repeat(first_bit[1:], level) - np.arange(first_bit[-1])
    thermometer = np.repeat(cell * 4 + 4, level) - to_go
    n_cells = batch.schema.n_cells
    halves = [
        _ones(cell, batch.offsets, n_cells, dtype),
        _ones(thermometer, first_bit[batch.offsets], n_cells * 4, dtype),
    ]
    return scipy.sparse.hstack(halves, format="csr")


def bit_names(schema: SbsSchema) -> NDArray[Any]:
    """Return what each of the n_bits bits states, as str objects, in the order of the bits."""
    cells = [
        f"block{block}_{name}" for block in range(schema.n_blocks) for name in schema.classes.names
    ]
    # a nibble's first bit is set by the highest level alone
    reached = [f"{cell}_level{level}" for cell in cells for level in (4, 3, 2, 1)]
    return np.array(cells + reached, object)


def _ones(
    columns: NDArray[np.int64], starts: NDArray[np.int64], width: int, dtype: DTypeLike
) -> scipy.sparse.csr_array:
    return csr(np.ones(len(columns), dtype), columns, starts, width)


def csr(
    values: NDArray[Any], columns: NDArray[np.int64], starts: NDArray[np.int64], width: int
) -> scipy.sparse.csr_array:
    """Return a matrix of `width` columns; ``values[starts[i]:starts[i + 1]]`` are in row i."""
    fits = max(len(values), width) < 2**31
    places = [array.astype(np.int32 if fits else np.int64) for array in (columns, starts)]
    return scipy.sparse.csr_array((values, *places), shape=(len(starts) - 1, width))
