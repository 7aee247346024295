"""Re-ranking by k-reciprocal neighbours (Zhong et al. 2017), computed on the k-NN graph.

A list holds the nearest rows of a signature, the owner of the list: nearest first, padded with -1.
The list of an indexed row contains the row itself. An encoding represents a neighbourhood as a
sparse vector of weights over rows; encoding i has the rows ``rows[bounds[i]:bounds[i + 1]]``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel


class Encodings(NamedTuple):
    """n sparse vectors of weights over rows, with p entries in total."""

    rows: NDArray[np.int64]
    """Shape (p,)."""
    weights: NDArray[np.float64]
    """Shape (p,)."""
    bounds: NDArray[np.int64]
    """Shape (n + 1,)."""


@kernel
def keep_reciprocal(
    rows: NDArray[np.int64],
    distances: NDArray[np.float32],
    reach: NDArray[np.float32],
    kept: NDArray[np.int64],
) -> None:
    """Keep the first neighbours of each list that are reciprocal: they also list its owner.

    Parameters
    ----------
    rows, distances : ndarray, shape (n, m)
        Lists.
    reach : ndarray of float32, shape (N,)
        Per row, the distance to the last of its own first neighbours.
    kept : ndarray of int64, shape (n, c)
        Output: those of the first c <= m rows that are no farther away than their own reach, so
        that the owner is among their first neighbours; padded with -1.
    """
    for i in range(kept.shape[0]):
        count = 0
        for t in range(kept.shape[1]):
            row = rows[i, t]
            if row >= 0 and distances[i, t] <= reach[row]:
                kept[i, count] = row
                count += 1
        kept[i, count:] = -1


@kernel
def encode_neighbors(
    rows: NDArray[np.int64],
    distances: NDArray[np.float32],
    reciprocal: NDArray[np.int64],
    closest: NDArray[np.int64],
    encodings: Encodings,
) -> None:
    """Encode each list by its reciprocal neighbours, expanded by some of their own.

    The closest reciprocal neighbours of a reciprocal neighbour are added if more than 2/3 of them
    are reciprocal neighbours of the owner. A weight is exp(-distance / greatest distance of the
    list), divided by the sum of all weights. Rows outside the list have no known distance and
    are left out.

    Parameters
    ----------
    rows, distances : ndarray, shape (n, m)
        Lists.
    reciprocal : ndarray of int64, shape (n, c)
        What :func:`keep_reciprocal` kept of them.
    closest : ndarray of int64, shape (N, h)
        What it kept of a shorter prefix of every row's own list.
    encodings : Encodings
        Output, with room for n * min(m, c * (h + 1)) entries: an encoding has at most the m rows
        of the list, and at most c reciprocal neighbours with h more each.
    """
    marks = np.zeros(closest.shape[0], np.int64)
    count = 0
    encodings.bounds[0] = 0
    for i in range(rows.shape[0]):
        joined, core = 2 * i + 1, 2 * i + 2
        for row in reciprocal[i]:
            if row >= 0:
                marks[row] = core
        for row in reciprocal[i]:
            if row >= 0 and _shares_most(closest[row], marks, core):
                for other in closest[row]:
                    if other >= 0 and marks[other] < joined:
                        marks[other] = joined
        count = _weigh(rows[i], distances[i], marks, joined, encodings, count)
        encodings.bounds[i + 1] = count


@kernel
def _shares_most(closest: NDArray[np.int64], marks: NDArray[np.int64], core: int) -> bool:
    """Whether more than 2/3 of `closest` are marked as `core`."""
    size = 0
    shared = 0
    for row in closest:
        if row >= 0:
            size += 1
            if marks[row] == core:
                shared += 1
    return 3 * shared > 2 * size


@kernel
def _weigh(
    rows: NDArray[np.int64],
    distances: NDArray[np.float32],
    marks: NDArray[np.int64],
    least: int,
    encodings: Encodings,
    first: int,
) -> int:
    """Append the encoding of the list's rows whose mark is at least `least`; return the end."""
    scale = 0.0
    for t in range(rows.size):
        if rows[t] >= 0:
            scale = max(scale, np.float64(distances[t]))
    end = first
    total = 0.0
    for t in range(rows.size):
        if rows[t] >= 0 and marks[rows[t]] >= least:
            weight = np.exp(-distances[t] / scale) if scale > 0.0 else 1.0
            encodings.rows[end] = rows[t]
            encodings.weights[end] = weight
            total += weight
            end += 1
    for e in range(first, end):
        encodings.weights[e] /= total
    return end


@kernel
def average_encodings(
    members: NDArray[np.int64], encodings: Encodings, work: NDArray[np.float64], means: Encodings
) -> None:
    """Write n means of encodings, each over a set of rows.

    Parameters
    ----------
    members : ndarray of int64, shape (n, k)
        The rows of each set, padded with -1.
    encodings : Encodings
        One per row.
    work : ndarray of float64, shape (N,)
        Scratch memory, all 0 before and after.
    means : Encodings
        Output, with room for as many entries as the members' encodings have in total.
    """
    end = 0
    means.bounds[0] = 0
    for i in range(members.shape[0]):
        first = end
        size = 0
        for member in members[i]:
            if member >= 0:
                size += 1
                for e in range(encodings.bounds[member], encodings.bounds[member + 1]):
                    row = encodings.rows[e]
                    if work[row] == 0.0:
                        means.rows[end] = row
                        end += 1
                    work[row] += encodings.weights[e]
        for e in range(first, end):
            means.weights[e] = work[means.rows[e]] / size
            work[means.rows[e]] = 0.0
        means.bounds[i + 1] = end


@kernel
def jaccard_distances(
    owners: Encodings,
    rows: NDArray[np.int64],
    encodings: Encodings,
    work: NDArray[np.float64],
    distances: NDArray[np.float64],
) -> None:
    """Compare the encoding of each list's owner with those of the rows in it.

    The distance is ``1 - S / (A + B - S)``, where A and B are the sums of the weights of the two
    encodings and S is the sum of their minima. In exact arithmetic A = B = 1. They are summed
    nevertheless, so that an encoding is at distance exactly 0 from itself: A, B and S are then
    sums of the same numbers in the same order.

    Parameters
    ----------
    owners : Encodings
        One per list.
    rows : ndarray of int64, shape (n, m)
        Lists.
    encodings : Encodings
        One per indexed row.
    work : ndarray of float64, shape (N,)
        Scratch memory, all 0 before and after.
    distances : ndarray of float64, shape (n, m)
        Output; 1 where the list is padded.
    """
    for i in range(rows.shape[0]):
        asked = 0.0
        for e in range(owners.bounds[i], owners.bounds[i + 1]):
            work[owners.rows[e]] = owners.weights[e]
            asked += owners.weights[e]
        for t in range(rows.shape[1]):
            shared, own = 0.0, 0.0
            if rows[i, t] >= 0:
                row = rows[i, t]
                for e in range(encodings.bounds[row], encodings.bounds[row + 1]):
                    shared += min(encodings.weights[e], work[encodings.rows[e]])
                    own += encodings.weights[e]
            # S may exceed A by an ulp, as it is summed in another order: clip at 0.
            distances[i, t] = max(0.0, 1.0 - shared / (asked + own - shared)) if shared else 1.0
        for e in range(owners.bounds[i], owners.bounds[i + 1]):
            work[owners.rows[e]] = 0.0
