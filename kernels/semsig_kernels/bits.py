"""Dense bit strings: pack cells into them, and count the bits that two of them share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.simd import popcount, trailing_zeros

BLOCK_ROWS = 32


@kernel
def pack_cells(
    codes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    n_cells: int,
    packed: NDArray[np.uint8],
) -> None:
    """Set the bits of SBS signatures: [presence | proportion], most significant bit first.

    Parameters
    ----------
    codes : ndarray of int64, shape (p,)
        ``cell * 4 + level - 1`` of all rows, row after row.
    offsets : ndarray of int64, shape (N + 1,)
        Row i has ``codes[offsets[i]:offsets[i + 1]]``.
    n_cells : int
        Number of presence bits; four proportion bits per cell follow them.
    packed : ndarray of uint8, shape (N, >= ceil(5 * n_cells / 8))
        Output; all 0 before.
    """
    for row in range(offsets.size - 1):
        for j in range(offsets[row], offsets[row + 1]):
            cell = codes[j] >> 2
            packed[row, cell >> 3] |= 128 >> (cell & 7)
            nibble_end = n_cells + cell * 4 + 3
            for step in range((codes[j] & 3) + 1):
                bit = nibble_end - step
                packed[row, bit >> 3] |= 128 >> (bit & 7)


@kernel
def shared_bits(
    rows: NDArray[np.uint64], queries: NDArray[np.uint64], counts: NDArray[np.int32]
) -> None:
    """Write to `counts` (Q, N) how many bits rows (N, w) and queries (Q, w) share.

    Rows are processed in blocks, which stay in the cache for all queries.
    """
    for first in range(0, rows.shape[0], BLOCK_ROWS):
        last = min(first + BLOCK_ROWS, rows.shape[0])
        for q in range(queries.shape[0]):
            query = queries[q]
            for i in range(first, last):
                row = rows[i]
                count = np.uint64(0)
                for w in range(row.size):
                    count += popcount(row[w] & query[w])
                counts[q, i] = count


@kernel
def shared_bit_weights(
    rows: NDArray[np.uint64],
    query: NDArray[np.uint64],
    weights: NDArray[np.int64],
    shared: NDArray[np.int64],
) -> None:
    """Write to `shared` (N,) the weight of the bits that rows (N, w) and a query (w,) share.

    ``weights[64 * j + b]`` is the weight of bit b of word j, bit 0 being the lowest. Set bits are
    visited from the lowest up: ``word & (word - 1)`` clears the lowest one.
    """
    for i in range(rows.shape[0]):
        total = np.int64(0)
        for w in range(query.size):
            word = rows[i, w] & query[w]
            while word != 0:
                total += weights[64 * w + np.int64(trailing_zeros(word))]
                word &= word - np.uint64(1)
        shared[i] = total
