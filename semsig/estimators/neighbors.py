"""SbsNeighbors: exact nearest neighbours with the calls of scikit-learn's NearestNeighbors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, get_args

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from semsig.errors import OptionError
from semsig.estimators.bits import csr
from semsig.estimators.tags import of_objects
from semsig.search import HammingIndex
from semsig.search.checks import check_k
from semsig.search.scans import Distances, ScanName
from semsig.storage.checks import Signatures
from semsig.types import Metric, SbsBatch, SbsSignature

Mode = Literal["connectivity", "distance"]


class SbsNeighbors(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Exact nearest neighbours among signatures, called as scikit-learn's NearestNeighbors.

    As a step of a pipeline it works as KNeighborsTransformer does: it hands the graph of
    distances to an estimator with ``metric="precomputed"``.

    Differs from it in two ways: Hamming distances are numbers of bits, not fractions of
    n_bits; and all results ascend by distance, ties in the order of the fitted signatures.

    Parameters
    ----------
    n_neighbors : int
        Neighbours to find, at least 1.
    radius : float
        Largest distance for :meth:`radius_neighbors`, at least 0.
    metric : {"hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"}
        See :class:`semsig.HammingIndex`.
    scan : {"auto", "bitmaps", "bounded", "postings", "dense"}
        How to search; the answers are the same.

    Attributes
    ----------
    index_ : HammingIndex
        The fitted signatures under the ids 0..N-1.
    n_samples_fit_ : int
        Their number N.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> classifier = KNeighborsClassifier(5, metric="precomputed")
    >>> model = make_pipeline(SbsTransformer(), SbsNeighbors(5), classifier)
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        radius: float = 0.0,
        metric: Metric = "hamming",
        scan: ScanName = "auto",
    ) -> None:
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.metric = metric
        self.scan = scan

    def __sklearn_tags__(self) -> Tags:
        return of_objects(super().__sklearn_tags__())

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "index_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_fitted" in state:
            self._index(self._fitted)

    def fit(self, X: SbsBatch | Sequence[SbsSignature], y: object = None) -> Self:  # noqa: ARG002
        """Take the signatures to search.

        Parameters
        ----------
        X : SbsBatch or sequence of SbsSignature
            N signatures of one schema, as :class:`SbsTransformer` makes them.
        y : object
            Ignored.

        Raises
        ------
        SchemaMismatchError, SignatureError
            If the signatures have several schemas, or something else was given.
        """
        self._index(X if isinstance(X, SbsBatch) else SbsBatch.of(X))
        return self

    def kneighbors(
        self,
        X: Signatures | None = None,
        n_neighbors: int | None = None,
        return_distance: bool = True,
    ) -> tuple[Distances, NDArray[np.int64]] | NDArray[np.int64]:
        """Find the nearest neighbours of each query.

        Parameters
        ----------
        X : SbsBatch, sequence of SbsSignature or packed bits, optional
            Q queries; by default the fitted signatures, none of which then is its own neighbour.
        n_neighbors : int, optional
            Instead of the estimator's own.
        return_distance : bool
            Whether to return distances too.

        Returns
        -------
        distances : ndarray of int32 (hamming) or float32, shape (Q, n_neighbors)
            Ascending; only if `return_distance`.
        indices : ndarray of int64, shape (Q, n_neighbors)
            Positions in the fitted signatures.

        Raises
        ------
        OptionError
            If there are not as many neighbours, or an option is out of range.
        SchemaMismatchError, SignatureError
            If a query has another schema or is malformed.
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called.
        """
        distances, indices = self._nearest(X, n_neighbors)
        return (distances, indices) if return_distance else indices

    def kneighbors_graph(
        self,
        X: Signatures | None = None,
        n_neighbors: int | None = None,
        mode: Mode = "connectivity",
    ) -> scipy.sparse.csr_array:
        """Return the nearest neighbours as a sparse matrix.

        With ``mode="distance"`` it is what estimators with ``metric="precomputed"`` take, such
        as scikit-learn's DBSCAN.

        Parameters
        ----------
        X, n_neighbors
            See :meth:`kneighbors`.
        mode : {"connectivity", "distance"}
            Whether entries are 1 or distances, of which a 0 is stored as well.

        Returns
        -------
        csr_array of float64, shape (Q, N)
            ``n_neighbors`` entries per row.
        """
        _check_mode(mode)
        distances, indices = self._nearest(X, n_neighbors)
        starts = np.arange(len(indices) + 1) * indices.shape[1]
        return self._graph(distances.ravel(), indices.ravel(), starts, mode)

    def radius_neighbors(
        self,
        X: Signatures | None = None,
        radius: float | None = None,
        return_distance: bool = True,
    ) -> tuple[NDArray[Any], NDArray[Any]] | NDArray[Any]:
        """Find all neighbours of each query within a radius.

        Parameters
        ----------
        X, return_distance
            See :meth:`kneighbors`.
        radius : float, optional
            Instead of the estimator's own; inclusive.

        Returns
        -------
        distances : ndarray of object, shape (Q,)
            One array per query, ascending; only if `return_distance`.
        indices : ndarray of object, shape (Q,)
            One array per query: positions in the fitted signatures.
        """
        found = self._within(X, radius)
        indices = _objects([indices for _, indices in found])
        return (_objects([d for d, _ in found]), indices) if return_distance else indices

    def radius_neighbors_graph(
        self,
        X: Signatures | None = None,
        radius: float | None = None,
        mode: Mode = "connectivity",
    ) -> scipy.sparse.csr_array:
        """Return all neighbours within a radius as a sparse matrix.

        Parameters
        ----------
        X, radius
            See :meth:`radius_neighbors`.
        mode : {"connectivity", "distance"}
            See :meth:`kneighbors_graph`.

        Returns
        -------
        csr_array of float64, shape (Q, N)
            Entries of a row ascend by distance.
        """
        _check_mode(mode)
        found = self._within(X, radius)
        starts = np.cumsum([0, *(len(indices) for _, indices in found)])
        nothing = np.zeros(0, np.int64)
        distances = np.concatenate([nothing, *(distances for distances, _ in found)])
        indices = np.concatenate([nothing, *(indices for _, indices in found)])
        return self._graph(distances, indices, starts, mode)

    def transform(self, X: Signatures) -> scipy.sparse.csr_array:
        """Return the graph of distances from each query to its nearest neighbours.

        Parameters
        ----------
        X : SbsBatch, sequence of SbsSignature or packed bits
            Q queries; a fitted signature among them is its own neighbour.

        Returns
        -------
        csr_array of float64, shape (Q, N)
            One more than ``n_neighbors`` entries per row, as KNeighborsTransformer has them, so
            that enough are left where each fitted signature finds itself.

        Raises
        ------
        OptionError
            If fewer than ``n_neighbors + 1`` signatures were fitted.
        SchemaMismatchError, SignatureError, sklearn.exceptions.NotFittedError
            See :meth:`kneighbors`.
        """
        return self.kneighbors_graph(X, check_k(self.n_neighbors) + 1, mode="distance")

    def _index(self, fitted: SbsBatch) -> None:
        self._fitted = fitted
        self.index_ = HammingIndex(fitted.schema)
        self.index_.add(fitted)
        self.n_samples_fit_ = len(fitted)

    @property
    def _n_features_out(self) -> int:
        return self.n_samples_fit_

    def _graph(
        self, distances: NDArray[Any], indices: NDArray[np.int64], starts: NDArray[Any], mode: Mode
    ) -> scipy.sparse.csr_array:
        distance = mode == "distance"
        values = distances.astype(np.float64) if distance else np.ones(len(indices))
        return csr(values, indices, starts, self.n_samples_fit_)

    def _within(
        self, queries: Signatures | None, radius: float | None
    ) -> list[tuple[NDArray[Any], NDArray[np.int64]]]:
        check_is_fitted(self)
        found = self.index_.search_radius(
            self._fitted if queries is None else queries,
            self.radius if radius is None else radius,
            metric=self.metric,
            scan=self.scan,
        )
        if queries is not None:
            return found
        others = (indices != row for row, (_, indices) in enumerate(found))
        return [(d[other], i[other]) for (d, i), other in zip(found, others, strict=True)]

    def _nearest(
        self, queries: Signatures | None, n_neighbors: int | None
    ) -> tuple[Distances, NDArray[np.int64]]:
        check_is_fitted(self)
        k = check_k(self.n_neighbors if n_neighbors is None else n_neighbors)
        own = queries is None
        if k + own > self.n_samples_fit_:
            raise OptionError(
                f"n_neighbors is at most {self.n_samples_fit_ - own}, the number of signatures "
                f"to choose from, got {k}."
            )
        found = self.index_.search(
            self._fitted if queries is None else queries,
            k + own,
            metric=self.metric,
            scan=self.scan,
        )
        return _without_self(*found) if own else found


def _check_mode(mode: Mode) -> None:
    if mode not in get_args(Mode):
        raise OptionError(f"Expected mode 'connectivity' or 'distance', got {mode!r}.")


def _without_self(
    distances: Distances, indices: NDArray[np.int64]
) -> tuple[Distances, NDArray[np.int64]]:
    """Drop i from the neighbours of row i; the last one if ties before i left no place for it."""
    others = indices != np.arange(len(indices))[:, None]
    others[others.all(axis=1), -1] = False
    shape = len(indices), indices.shape[1] - 1
    return distances[others].reshape(shape), indices[others].reshape(shape)


def _objects(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    found = np.empty(len(arrays), object)
    for place, array in enumerate(arrays):
        found[place] = array
    return found
