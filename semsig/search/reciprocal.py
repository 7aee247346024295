"""Re-ranking by reciprocal neighbours: rows that are among the nearest of each other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.rerank import (
    Encodings,
    average_encodings,
    encode_neighbors,
    jaccard_distances,
    keep_reciprocal,
)
from semsig_kernels.threads import run_split

from semsig.search.options import RerankOptions

Lists = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Distances and rows, shape (n, m) each: lists of nearest rows, ascending, padded with -1."""

_ROWS_AT_ONCE = 1024


class ReciprocalNeighbors:
    """Re-ranks lists of nearest rows by how much of their neighbourhoods two rows share.

    The neighbourhood of row i is encoded as weights V(i, j) = exp(-d(i, j) / s), normalised to sum
    1, where s is the greatest distance in i's list. j is one of i's k1-reciprocal neighbours, or a
    k1/2-reciprocal neighbour of one of these, provided that more than 2/3 of the latter's
    k1/2-reciprocal neighbours are k1-reciprocal neighbours of i; V is 0 for all others. V is then
    averaged over i's k2 nearest rows. The new distance between a and b is
    ``(1 - weight) * (1 - sum_j min(V(a, j), V(b, j)) / sum_j max(V(a, j), V(b, j)))
    + weight * d(a, b) / s``. See Zhong, Zheng, Cao and Li, Re-ranking person re-identification
    with k-reciprocal encoding, CVPR 2017, eqs. 2 to 12.

    The result is exact if the lists are complete. A row that is missing from a list has weight 0.

    Parameters
    ----------
    distances : ndarray of float32, shape (N, m)
        Distances to the m >= 1 nearest rows of each of N rows, ascending, padded with -1.
    rows : ndarray of int64, shape (N, m)
        These rows; each row is in its own list.
    options : RerankOptions, optional
        Parameters of the method.
    """

    def __init__(
        self,
        distances: NDArray[np.float32],
        rows: NDArray[np.int64],
        options: RerankOptions | None = None,
    ) -> None:
        self.options = options or RerankOptions()
        k1, k2, depth = self.options.k1, self.options.k2, self.options.depth
        lists = distances[:, :depth], rows[:, :depth]
        wide, close = _reciprocal(lists, k1), _reciprocal(lists, round(k1 / 2))
        self._single = _in_parts(
            len(rows), lambda part: _encode((lists[0][part], lists[1][part]), wide[part], close)
        )
        self._averaged = self._average(rows[:, :k2])

    def _average(self, members: NDArray[np.int64]) -> Encodings:
        n_rows = len(self._single.bounds) - 1
        return _in_parts(len(members), lambda part: _mean(members[part], self._single, n_rows))

    def rank(self, distances: NDArray[np.float32], rows: NDArray[np.int64]) -> Lists:
        """Re-rank the rows of some lists.

        A query's neighbourhood is encoded as the mean of the encodings of its k2 nearest rows.

        Parameters
        ----------
        distances : ndarray of float32, shape (n, m)
            Distances to the nearest rows of n signatures, ascending, padded with -1.
        rows : ndarray of int64, shape (n, m)
            These rows.

        Returns
        -------
        distances : ndarray of float32, shape (n, m)
            The new distances, 0..1 within the first ``depth`` rows, ascending.
        rows : ndarray of int64, shape (n, m)
            The same rows; ties keep their order.
        """
        owners = self._average(rows[:, : self.options.k2])
        weight, scale = self.options.weight, _scale(distances[:, : self.options.depth])
        new = (1 - weight) * self._jaccard(owners, rows) + weight * distances / scale
        new = np.where(rows < 0, np.inf, new).astype(np.float32)
        order = np.argsort(new, axis=1, kind="stable")
        ranked = np.take_along_axis(rows, order, axis=1)
        return np.where(ranked < 0, -1, np.take_along_axis(new, order, axis=1)), ranked

    def _jaccard(self, owners: Encodings, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        found = np.empty(rows.shape, np.float64)
        n_rows = len(self._averaged.bounds) - 1

        def compare(first: int, last: int) -> None:
            part = owners._replace(bounds=owners.bounds[first : last + 1])
            work = np.zeros(n_rows)
            jaccard_distances(part, rows[first:last], self._averaged, work, found[first:last])

        run_split(len(rows), compare, grain=4)
        return found


def _reciprocal(lists: Lists, k: int) -> NDArray[np.int64]:
    """Return which of each list's first k + 1 rows have its owner among theirs, padded with -1.

    It is k + 1 rows because a row is in its own list.
    """
    distances, rows = lists
    last = min(k, rows.shape[1] - 1)
    reach = np.where(rows[:, last] < 0, np.float32(np.inf), distances[:, last])
    kept = np.empty((len(rows), last + 1), np.int64)
    keep_reciprocal(rows, distances, reach, kept)
    return kept


def _encode(lists: Lists, wide: NDArray[np.int64], close: NDArray[np.int64]) -> Encodings:
    distances, rows = lists
    widest = min(rows.shape[1], wide.shape[1] * (close.shape[1] + 1))
    encodings = _room(len(rows), len(rows) * widest)
    encode_neighbors(rows, distances, wide, close, encodings)
    return encodings


def _mean(members: NDArray[np.int64], encodings: Encodings, n_rows: int) -> Encodings:
    sizes = np.append(np.diff(encodings.bounds), 0)
    means = _room(len(members), int(sizes[members].sum()))
    average_encodings(members, encodings, np.zeros(n_rows), means)
    return means


def _room(count: int, entries: int) -> Encodings:
    bounds = np.zeros(count + 1, np.int64)
    return Encodings(np.empty(entries, np.int64), np.empty(entries, np.float64), bounds)


def _scale(distances: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the greatest distance of each list, shape (n, 1); 1 where all are 0."""
    greatest = distances.max(axis=1, initial=0, keepdims=True)
    return np.where(greatest > 0, greatest, np.float32(1))


def _in_parts(count: int, encode: Callable[[slice], Encodings]) -> Encodings:
    """Encode in parts of _ROWS_AT_ONCE, split over threads, and join the results."""

    def run(first: int, last: int) -> list[Encodings]:
        edges = [*range(first, last, _ROWS_AT_ONCE), last]
        return [_trimmed(encode(slice(*pair))) for pair in pairwise(edges)]

    parts = [part for found in run_split(count, run, grain=64) for part in found]
    sizes = np.concatenate([np.zeros(1, np.int64), *(np.diff(part.bounds) for part in parts)])
    return Encodings(
        np.concatenate([np.zeros(0, np.int64), *(part.rows for part in parts)]),
        np.concatenate([np.zeros(0), *(part.weights for part in parts)]),
        np.cumsum(sizes),
    )


def _trimmed(encodings: Encodings) -> Encodings:
    end = int(encodings.bounds[-1])
    return Encodings(encodings.rows[:end].copy(), encodings.weights[:end].copy(), encodings.bounds)
