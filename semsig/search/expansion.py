"""Query expansion: the query averaged with its nearest neighbours, by the k-NN graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig.search.options import ExpandOptions

Lists = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Distances and rows, shape (n, m) each: lists of nearest rows, ascending, padded with -1."""


class ExpandedQueries:
    """Re-ranks lists of nearest rows by their distances to the query and its neighbours.

    The new distance of query q and row x is
    ``(d(q, x) + sum_j w_j d(j, x)) / (1 + sum_j w_j)`` over the nearest rows j of q, where
    ``w_j = (1 - d(q, j) / s) ** alpha`` and s is the greatest distance in q's list. This is
    average query expansion (Chum et al., Total Recall, ICCV 2007) weighted by similarity
    (Radenovic, Tolias and Chum, Fine-tuning CNN image retrieval, TPAMI 2019, section 3.5). Those
    average vectors; averaging distances instead is the same for squared L2 distances, up to a
    constant per query, and works for any distance.

    The result is exact if the lists are complete. A row that is missing from a list counts as
    being at the distance of the list's last row.

    Parameters
    ----------
    distances : ndarray of float32, shape (N, m)
        Distances to the m >= 1 nearest rows of each of N rows, ascending, padded with -1.
    rows : ndarray of int64, shape (N, m)
        These rows; each row is in its own list.
    options : ExpandOptions, optional
        Parameters of the method.
    """

    def __init__(
        self,
        distances: NDArray[np.float32],
        rows: NDArray[np.int64],
        options: ExpandOptions | None = None,
    ) -> None:
        self.options = options or ExpandOptions()
        depth = self.options.depth
        self._distances, self._rows = distances[:, :depth], rows[:, :depth]
        self._ends = self._distances.max(axis=1)

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
        behind = np.zeros(len(self._rows))
        new = np.stack([self._expand(*one, behind) for one in zip(distances, rows, strict=True)])
        new = np.where(rows < 0, np.inf, new).astype(np.float32)
        order = np.argsort(new, axis=1, kind="stable")
        ranked = np.take_along_axis(rows, order, axis=1)
        return np.where(ranked < 0, -1, np.take_along_axis(new, order, axis=1)), ranked

    def _expand(
        self, distances: NDArray[np.float32], rows: NDArray[np.int64], behind: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return one list's new distances; `behind`, shape (N,), is scratch memory of zeros.

        It holds how much nearer than the end of a list its rows are, so that 0 stands for the
        rows that the list lacks. 1e-12 avoids 0 / 0 if all distances are 0; all weights are then 1.
        """
        count = self.options.neighbors
        nearest = rows[:count][rows[:count] >= 0]
        scale = max(float(distances[: self.options.depth].max(initial=0)), 1e-12)
        weights = np.maximum(1 - distances[: len(nearest)] / scale, 0.0) ** self.options.alpha
        total = distances.astype(np.float64)
        for weight, row in zip(weights, nearest, strict=True):
            listed = self._rows[row][self._rows[row] >= 0]
            behind[listed] = self._ends[row] - self._distances[row, : len(listed)]
            total += weight * (self._ends[row] - behind[rows])
            behind[listed] = 0
        return np.asarray(total / (1 + weights.sum()))
