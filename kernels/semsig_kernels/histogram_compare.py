"""The exact distance of two histograms, count by count: in float64, by ascending column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel
from semsig_kernels.histogram_sums import Histograms, Rows


@kernel
def lay_out(queries: Histograms, q: int, own: NDArray[np.uint16], wanted: bool) -> None:
    """Write histogram q's counts (if `wanted`) or zeros to their columns of `own`.

    `own` is a dense array over all columns; if it is of size 0, nothing is written.
    """
    if own.size:
        for j in range(queries.offsets[q], queries.offsets[q + 1]):
            own[queries.columns[j]] = queries.counts[j] if wanted else 0


@kernel
def distance_to(
    queries: Histograms, q: int, rows: Rows, row: int, own: NDArray[np.uint16]
) -> float:
    """Return the squared distance; for histograms of unit length, the distance as a float32.

    With a dense query in `own` only the row is traversed; otherwise the two sorted lists of
    columns are merged. Products of 0 add nothing, so both give the same sum.
    """
    j, last = np.uint64(rows.offsets[row]), np.uint64(rows.offsets[row + 1])
    shared = 0.0
    if own.size:
        for at in range(j, last):
            product = float(own[rows.columns[at]]) * float(rows.counts[at])
            shared += np.sqrt(product) if rows.roots else product
    else:
        i, end = queries.offsets[q], queries.offsets[q + 1]
        while i < end and j < last:
            column, other = queries.columns[i], np.int64(rows.columns[j])
            if column == other:
                product = queries.counts[i] * float(rows.counts[j])
                shared += np.sqrt(product) if rows.roots else product
            i += int(column <= other)
            j += np.uint64(other <= column)
    return _distance(shared, queries.totals[q], rows.totals[row], rows.unit)


@kernel
def _distance(shared: float, own: float, other: float, unit: bool) -> float:
    if not unit:
        return own + other - 2 * shared
    if own == 0 or other == 0:
        return 0.0 if own == other else 1.0
    squared = 2 - 2 * (shared / np.sqrt(own * other))
    return float(np.float32(np.sqrt(max(0.0, squared))))
