"""Database augmentation: every row averaged with its nearest neighbours, by the k-NN graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig.search.options import AugmentOptions

Lists = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Distances and rows, shape (n, m) each: lists of nearest rows, ascending, padded with -1."""


class AugmentedRows:
    """Re-ranks lists of nearest rows by the distance to rows averaged with their neighbours.

    The new distance of query q and row x is
    ``sum_j w_j d(q, j) / W - sum_ij w_i w_j d(i, j) / (2 W^2)`` over the nearest rows i, j of x,
    including x, where ``w_j = (1 - d(x, j) / s) ** alpha``, s is the greatest distance in x's
    list and W the sum of the weights. If d is the squared L2 distance, this is the squared
    distance from q to the weighted mean of these rows, as in database-side augmentation (Turcot
    and Lowe, Better matching with fewer features, ICCV workshops 2009; Arandjelovic and Zisserman,
    Three things everyone should know to improve object retrieval, CVPR 2012). The formula needs
    no vectors and works for any distance.

    The result is exact if the lists are complete. A row that is missing from a list counts as
    being at the distance of the list's last row.

    Parameters
    ----------
    distances : ndarray of float32, shape (N, m)
        Distances to the m >= 1 nearest rows of each of N rows, ascending, padded with -1.
    rows : ndarray of int64, shape (N, m)
        These rows; each row is in its own list.
    options : AugmentOptions, optional
        Parameters of the method.
    """

    def __init__(
        self,
        distances: NDArray[np.float32],
        rows: NDArray[np.int64],
        options: AugmentOptions | None = None,
    ) -> None:
        self.options = options or AugmentOptions()
        lists = distances[:, : self.options.depth], rows[:, : self.options.depth]
        count = self.options.neighbors
        ends = lists[0].max(axis=1)
        scale = np.maximum(ends, 1e-12)[:, None]  # if all distances are 0, all weights are 1
        similar = np.maximum(1 - lists[0][:, :count] / scale, 0.0) ** self.options.alpha
        self._members = lists[1][:, :count]
        weights = np.where(self._members >= 0, similar, 0.0)
        # if all weights are 0 (every neighbour is at the greatest distance), take the row alone
        alone = np.arange(weights.shape[1]) == 0
        weights = np.where(weights.sum(1, keepdims=True) > 0, weights, alone)
        self._weights = weights / weights.sum(1, keepdims=True)
        self._spread = self._spreads(lists, ends)

    def _spreads(self, lists: Lists, ends: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return half the weighted mean distance between each row's neighbours, shape (N,).

        `behind` holds how much nearer than the end of a list its rows are; 0 stands for the rows
        that the list lacks.
        """
        behind = np.zeros(len(ends))
        total = np.zeros(len(ends))
        holders: list[list[tuple[int, int]]] = [[] for _ in ends]
        for x, members in enumerate(self._members.tolist()):
            for place, member in enumerate(members):
                if member >= 0:
                    holders[member].append((x, place))
        for i, (distances, rows) in enumerate(zip(*lists, strict=True)):
            listed = rows[rows >= 0]
            behind[listed] = ends[i] - distances[: len(listed)]
            for x, place in holders[i]:
                apart = ends[i] - behind[self._members[x]]
                total[x] += self._weights[x, place] * (self._weights[x] * apart).sum()
            behind[listed] = 0
        return total / 2

    def rank(self, distances: NDArray[np.float32], rows: NDArray[np.int64]) -> Lists:
        """Re-rank the rows of some lists.

        Parameters
        ----------
        distances : ndarray of float32, shape (n, m)
            Distances to the nearest rows of n signatures, ascending, padded with -1.
        rows : ndarray of int64, shape (n, m)
            These rows.

        Returns
        -------
        distances : ndarray of float32, shape (n, m)
            The new distances, ascending.
        rows : ndarray of int64, shape (n, m)
            The same rows; ties keep their order.
        """
        behind = np.zeros(len(self._members))
        new = np.stack([self._augment(*one, behind) for one in zip(distances, rows, strict=True)])
        new = np.where(rows < 0, np.inf, new).astype(np.float32)
        order = np.argsort(new, axis=1, kind="stable")
        ranked = np.take_along_axis(rows, order, axis=1)
        return np.where(ranked < 0, -1, np.take_along_axis(new, order, axis=1)), ranked

    def _augment(
        self, distances: NDArray[np.float32], rows: NDArray[np.int64], behind: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return one list's new distances; `behind`, shape (N,), is scratch memory of zeros."""
        listed = rows[rows >= 0]
        end = float(distances.max(initial=0))
        behind[listed] = end - distances[: len(listed)]
        apart = end - behind[self._members[listed]]
        found = np.zeros(len(rows))
        found[: len(listed)] = (self._weights[listed] * apart).sum(1) - self._spread[listed]
        behind[listed] = 0
        return np.maximum(found, 0.0)  # rounding and incomplete lists can make it negative
