"""What rows score at least and at most by sums that are a little too small."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.histogram_sums import Histograms, Rows
from semsig_kernels.topk import replace_worst

BLOCK_ROWS = 64

TIED = 1e-6
"""Rows of unit length whose scores are so near may be equally far once rounded."""

_ROUNDING = 2.0**-23


class Bounds(NamedTuple):
    """A row scores ``sum * least * slope + base`` to ``(sum * most + more) * slope + base``."""

    least: float
    most: float
    more: float


@inlined
def bounds_of(queries: Histograms, q: int, missing: float, unit: bool) -> Bounds:
    """Return what histogram q's sums, `missing` too small but for their rounding, say of scores."""
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
    """Offer the least that rows may score to the k best of it.

    Blocks whose rows may score as much as the k-th of them are marked as near. It only rises, so
    that other blocks have nothing to find.

    Parameters
    ----------
    sums : ndarray of float32, shape (R,)
        Of rows ``first, first + 1, ...``.
    part : (int, int)
        Which of those: the first, a multiple of BLOCK_ROWS, and the one after the last.
    first : int
        Number of the first row.
    bounds : Bounds
        What the sums say of scores.
    rows : Rows
        All rows.
    best : (ndarray of float64, ndarray of int64), shape (k,)
        Heaps of :mod:`semsig_kernels.topk`, updated: scores, negated, and their rows.
    near : ndarray of bool, shape (R / BLOCK_ROWS, rounded up)
        Written for the blocks of the part.
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
    """Whether a row may score `floor`; a loop that the compiler turns into vectors."""
    reach = False
    most, more = bounds.most, bounds.more
    for i in range(np.uint64(start), np.uint64(stop)):
        reach |= (sums[i] * most + more) * slopes[i] + bases[i] >= floor
    return reach
