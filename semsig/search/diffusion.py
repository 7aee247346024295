"""Diffusion: similarity that spreads from a query over the k-NN graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.search.options import DiffuseOptions

Lists = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Distances and rows, shape (n, m) each: lists of nearest rows, ascending, padded with -1."""

_TOLERANCE = 1e-6
_STEPS = 200
"""Conjugate gradients converge long before this limit.

The eigenvalues of S are in -1..1, so I - a S has a condition number of at most (1 + a) / (1 - a).
"""


class DiffusedGraph:
    """Re-ranks lists of nearest rows by the similarity that diffuses to them from the query.

    Rows i and j are linked in the mutual k-NN graph if each is among the k nearest of the other,
    with weight ``A(i, j) = max(0, 1 - d(i, j) / s) ** gamma``, where s is the greatest distance in
    any row's list of k nearest. With ``S = D^-1/2 A D^-1/2``, D being the diagonal matrix of A's
    row sums, the similarities f of the rows solve ``(I - alpha S) f = y``, where y holds the
    weights, by the same formula, of the query's nearest rows. The new distance is
    ``1 - f / max f``. See Iscen, Tolias, Avrithis, Furon and Chum, Efficient diffusion on region
    manifolds, CVPR 2017, eqs. 3 to 9; as there, the system is solved by conjugate gradients.

    Each iteration takes about N k multiplications, so 1,000,000 rows take seconds per query.

    Parameters
    ----------
    distances : ndarray of float32, shape (N, m)
        Distances to the m >= 1 nearest rows of each of N rows, ascending, padded with -1.
    rows : ndarray of int64, shape (N, m)
        These rows; each row is in its own list.
    options : DiffuseOptions, optional
        Parameters of the method.
    """

    def __init__(
        self,
        distances: NDArray[np.float32],
        rows: NDArray[np.int64],
        options: DiffuseOptions | None = None,
    ) -> None:
        self.options = options or DiffuseOptions()
        near = slice(0, self.options.k + 1)  # a row itself, and k others
        self._scale = max(float(distances[:, near].max(initial=0)), 1e-12)
        self._system = self._graph(distances[:, near], rows[:, near])

    def _graph(self, distances: NDArray[np.float32], rows: NDArray[np.int64]) -> Any:
        """Return I - alpha S, sparse, shape (N, N)."""
        from scipy import sparse

        count = len(rows)
        owners = np.repeat(np.arange(count), rows.shape[1])
        others, weights = rows.ravel(), self._similar(distances.ravel())
        kept = (others >= 0) & (others != owners) & (weights > 0)
        pairs = weights[kept], (owners[kept], others[kept])
        directed = sparse.csr_array(pairs, shape=(count, count))
        mutual = directed.minimum(directed.T).tocsr()
        sums = np.asarray(mutual.sum(axis=1)).ravel()
        # the row of S is 0 for a row without links, so it keeps its initial similarity
        root = sparse.diags_array(np.where(sums > 0, 1 / np.sqrt(np.where(sums > 0, sums, 1)), 0))
        identity = sparse.eye_array(count, format="csr")
        return (identity - self.options.alpha * (root @ mutual @ root)).tocsr()

    def _similar(self, distances: NDArray[np.float32]) -> NDArray[np.float64]:
        similar = np.maximum(1 - distances.astype(np.float64) / self._scale, 0)
        return np.asarray(similar**self.options.gamma)

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
            The new distances, 0..1, ascending; 1 for rows that no similarity reaches.
        rows : ndarray of int64, shape (n, m)
            The same rows; ties keep their order.
        """
        reached = np.stack([self._diffuse(*one) for one in zip(distances, rows, strict=True)])
        new = np.where(rows < 0, np.inf, 1 - reached).astype(np.float32)
        order = np.argsort(new, axis=1, kind="stable")
        ranked = np.take_along_axis(rows, order, axis=1)
        return np.where(ranked < 0, -1, np.take_along_axis(new, order, axis=1)), ranked

    def _diffuse(
        self, distances: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the similarities of one list's rows, scaled so that the maximum over all is 1."""
        from scipy.sparse.linalg import cg

        seeds = rows[: self.options.seeds]
        asked = np.zeros(self._system.shape[0])
        asked[seeds[seeds >= 0]] = self._similar(distances[: len(seeds)][seeds >= 0])
        if not asked.any():
            return np.zeros(len(rows))
        found, _ = cg(self._system, asked, rtol=_TOLERANCE, maxiter=_STEPS)
        reached = np.maximum(found, 0) / found.max()
        return np.where(rows >= 0, reached[rows], 0)
