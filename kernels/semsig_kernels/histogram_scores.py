"""Lower and upper bounds of the scores of rows, from inner products that are slightly too small."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.histogram_sums import Histograms, Rows
from semsig_kernels.topk import replace_worst

BLOCK_ROWS = 64

TIED = 1e-6
"""Scores (cosines) of unit vectors that differ by less may give the same float32 distance.

Distances d <= sqrt(2) that round to the same float32 differ by at most 2^-23, so the cosines
1 - d^2 / 2 differ by at most sqrt(2) * 2^-23, about 1.7e-7.
"""

_ROUNDING = 2.0**-23
"""Twice the largest relative error of one float32 rounding."""


class Bounds(NamedTuple):
    """Bounds of a row's score.

    It lies between ``sum * least * slope + base`` and ``(sum * most + more) * slope + base``.
    """

    least: float
    most: float
    more: float


@inlined
def bounds_of(queries: Histograms, q: int, missing: float, unit: bool) -> Bounds:
    """Return the bounds that follow from histogram q's sums.

    Rounding down in lines makes the sums at most `missing` too small. A sum of n non-negative
    products has a relative error of at most about n + 8 roundings: one per addition, and fewer
    than eight in each summand. `_ROUNDING` is twice one rounding, so higher orders are covered.
    """
    scale = 2.0
    if unit:
        scale = 1 / np.sqrt(queries.totals[q]) if queries.totals[q] > 0 else 0.0
    size = queries.offsets[q + 1] - queries.offsets[q]
    rounding = int(size + 8) * _ROUNDING
    return Bounds((1 - rounding) * scale, (1 + rounding) * scale, missing * scale)


@kernel
def raise_floor(
    sums: NDArray[np.float32],
    part: tuple[int, int],
    first: int,
    bounds: Bounds,
    rows: Rows,
    best: tuple[NDArray[np.float64], NDArray[np.int64]],
    near: NDArray[np.bool_],
) -> None:
    """Update the k best lower bounds of scores, and mark the blocks that may hold near rows.

    A block is marked if the upper bound of one of its rows reaches the k-th best lower bound.
    That bound only rises, so unmarked blocks hold none of the k nearest rows.

    Parameters
    ----------
    sums : ndarray of float32, shape (R,)
        Inner products of the rows ``first, first + 1, ...``.
    part : (int, int)
        Range of these rows: its start, a multiple of BLOCK_ROWS, and its end (exclusive).
    first : int
        Number of the first row.
    bounds : Bounds
        Bounds of scores by these sums.
    rows : Rows
        All rows.
    best : (ndarray of float64, ndarray of int64), shape (k,)
        A heap of :mod:`semsig_kernels.topk`, updated: negated lower bounds, and their rows.
    near : ndarray of bool, shape (R / BLOCK_ROWS, rounded up)
        Output, for the blocks of the range.
    """
    scores, scored = best
    slopes, bases = rows.slopes[first:], rows.bases[first:]
    for start in range(part[0], part[1], BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, part[1])
        floor = -scores[0] - TIED * rows.unit
        near[start // BLOCK_ROWS] = _any_reach(sums, bounds, slopes, bases, start, stop, floor)
        if near[start // BLOCK_ROWS]:
            for i in range(start, stop):
                score = -(sums[i] * bounds.least * slopes[i] + bases[i])
                if score < scores[0]:
                    replace_worst(scores, scored, score, first + i)


@inlined
def _any_reach(
    sums: NDArray[np.float32],
    bounds: Bounds,
    slopes: NDArray[np.float64],
    bases: NDArray[np.float64],
    start: int,
    stop: int,
    floor: float,
) -> bool:
    """Whether a row's upper bound reaches `floor`; without branches, so that it is vectorised."""
    reach = False
    most, more = bounds.most, bounds.more
    for i in range(np.uint64(start), np.uint64(stop)):
        reach |= (sums[i] * most + more) * slopes[i] + bases[i] >= floor
    return reach
