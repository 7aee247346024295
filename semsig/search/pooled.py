"""PooledIndex: exact nearest neighbours among pooled descriptors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.search.answers import Scanning, SearchedCollection
from semsig.storage.checks import Ids
from semsig.types import PooledBatch, PooledSchema, PooledSignature
from semsig.types.metrics import POOLED_METRICS, PooledMetric
from semsig.types.pooled import POOLED_RECORDS

Descriptors = PooledSignature | PooledBatch | Iterable[PooledSignature]
"""One pooled descriptor or many."""

_PRODUCTS_AT_ONCE = 1 << 22
"""Inner products computed together: 16 MiB of float32, 32 of float64."""

_MARGIN = np.float32(2.0**-20)
"""Margin for approximate cosines; justified in `PooledScan._candidates`."""

_SCALES = {"l2sq": np.float32(1), "cosine": np.float32(0.5)}
"""Factor of the squared L2 distance for each metric."""

_EXACT_DIMS = 1024
"""Products of so many int8 codes sum to less than 2^24, which float32 represents exactly.

127^2 * 1,040 < 2^24, so 1,040 dimensions would do.
"""


class PooledIndex(SearchedCollection[PooledSchema, PooledSignature, PooledBatch]):
    """Exact nearest neighbours among pooled descriptors of one schema.

    The distance is the squared L2 distance between the descriptors scaled to unit length,
    2 - 2 <a, b>: from 0 to 4, or to 2 if no value is negative. A descriptor of zeros, which has no
    direction, is at distance 1 from all others and at distance 0 from another descriptor of zeros.
    Searches may run in several threads.

    Parameters
    ----------
    schema : PooledSchema
        Schema of every descriptor.
    meta : mapping of str to str, optional
        Stored with the index, such as the segmenter's name.

    Raises
    ------
    OptionError
        If the schema is another signature's, or `meta` holds anything but strings.
    """

    records = POOLED_RECORDS

    def search(
        self,
        queries: Descriptors,
        k: int,
        *,
        metric: PooledMetric = "l2sq",
        filter_ids: Ids | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the `k` nearest descriptors of each query, exactly.

        Parameters
        ----------
        queries : PooledSignature, PooledBatch or iterable of PooledSignature
            Q descriptors of the index's schema.
        k : int
            At least 1; see :meth:`HammingIndex.search`.
        metric : {"l2sq", "cosine"}
            The squared L2 distance at unit length, 2 - 2 <a, b>, or half of that, 1 - <a, b>.
        filter_ids : array_like of int, optional
            Search among these ids only.

        Returns
        -------
        distances : ndarray of float32, shape (Q, k)
            Ascending.
        ids : ndarray of int64, shape (Q, k)
            Ties in order of insertion. Both are -1 where there are fewer than k descriptors.

        Raises
        ------
        SchemaMismatchError, SignatureError, OptionError, UnknownIdError
            As :meth:`L2Index.search` does.
        """
        scanning = _scanning(metric)
        return self._find_nearest(self._store.snapshot, queries, k, filter_ids, scanning)

    def search_radius(
        self,
        queries: Descriptors,
        radius: float,
        *,
        metric: PooledMetric = "l2sq",
        filter_ids: Ids | None = None,
    ) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Find all descriptors at a distance of at most `radius`.

        Returns
        -------
        list of (distances, ids)
            One pair per query, ascending, ties in order of insertion.
        """
        scanning = _scanning(metric)
        return self._find_within(self._store.snapshot, queries, radius, filter_ids, scanning)


class PooledScan:
    """Exact search over the rows 0..N-1 of a batch, by matrix products.

    Products of int8 codes are summed in float32, at most 1,024 at a time, those of float16 codes
    in float64. Both sums are exact in any order, so that the distance between two descriptors is
    the same in every search.

    Parameters
    ----------
    batch : PooledBatch
        The descriptors.
    """

    def __init__(self, batch: PooledBatch) -> None:
        self._rows = _wide(batch)
        self._squares = _squares(self._rows)
        lengths = np.sqrt(self._squares)
        self._zeros = np.flatnonzero(lengths == 0)
        lengths[self._zeros] = 1
        self._inverse = (1 / lengths).astype(np.float32)

    def search(
        self,
        queries: PooledBatch,
        k: int,
        *,
        metric: PooledMetric = "l2sq",
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return distances and rows, shape (Q, k), ascending, ties by row, padded with -1."""
        distances = np.full((len(queries), k), -1, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        for number, (products, square) in enumerate(self._products(queries)):
            near = self._candidates(products, square, k, allowed)
            found = _unit_distances(products[near], square, self._squares[near])
            nearest = _nearest(found, k)
            distances[number, : len(nearest)] = found[nearest] * _SCALES[metric]
            rows[number, : len(nearest)] = near[nearest]
        return distances, rows

    def search_radius(
        self,
        queries: PooledBatch,
        radius: float,
        *,
        metric: PooledMetric = "l2sq",
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Return, for each query, distances <= radius and their rows, ascending."""
        answers = []
        for products, square in self._products(queries):
            found = _unit_distances(products, square, self._squares) * _SCALES[metric]
            fits = found <= radius
            rows = np.flatnonzero(fits if allowed is None else fits & allowed)
            order = rows[np.argsort(found[rows], kind="stable")]
            answers.append((found[order], order))
        return answers

    def _products(self, queries: PooledBatch) -> Iterator[tuple[NDArray[Any], float]]:
        """Yield each query's exact inner products with all rows, and its squared length."""
        asked = _wide(queries)
        at_once = max(1, _PRODUCTS_AT_ONCE // max(1, len(self._rows)))
        for start in range(0, len(asked), at_once):
            some = asked[start : start + at_once]
            yield from zip(_products(some, self._rows), _squares(some).tolist(), strict=True)

    def _candidates(
        self,
        products: NDArray[Any],
        square: float,
        k: int,
        allowed: NDArray[np.bool_] | None,
    ) -> NDArray[np.int64]:
        """Return the rows of the greatest cosines, ascending; the k nearest are among them.

        Cosines in float32 have an error of about 2^-22: four roundings of 2^-24 each (the inverse
        lengths of row and query, their product, and the cosine). Rows whose distances round to
        the same float32 differ by at most 2^-23 in cosine. 2 * 2^-22 + 2^-23 is less than 2^-20,
        so no row more than 2^-20 below the k-th greatest cosine can be among the k nearest.
        """
        if allowed is not None:
            among = np.flatnonzero(allowed)
        elif k >= len(products) or square == 0:
            among = np.arange(len(products))
        else:
            among = None
        if among is not None and (k >= len(among) or square == 0):
            return among
        cosines = products * (self._inverse * np.float32(1 / math.sqrt(square)))
        cosines[self._zeros] = 0.5  # distance 1 = 2 - 2 * 0.5
        if among is not None:
            cosines = cosines[among]
        limit = np.partition(cosines, len(cosines) - k)[len(cosines) - k] - _MARGIN
        near = np.flatnonzero(cosines >= limit)
        return near if among is None else among[near]


def _wide(batch: PooledBatch) -> NDArray[Any]:
    """Return the codes (N, D) in a dtype that BLAS supports and in which their products are exact.

    A float16 is a multiple of 2^-24, so a product of two is a multiple of 2^-48. Sums of products
    of unit vectors stay below 2. That takes at most 50 bits; float64 has 53.
    """
    return batch.matrix.astype(np.float32 if batch.schema.coding == "int8" else np.float64)


def _squares(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the squared length of each row."""
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return squares


def _products(queries: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return exact inner products (Q, N); float32 sums are over at most _EXACT_DIMS dimensions."""
    if rows.dtype == np.float64 or rows.shape[1] <= _EXACT_DIMS:
        product: NDArray[Any] = queries @ rows.T
        return product
    total = np.zeros((len(queries), len(rows)))
    for first in range(0, rows.shape[1], _EXACT_DIMS):
        part = slice(first, first + _EXACT_DIMS)
        total += queries[:, part] @ rows[:, part].T
    return total


def _unit_distances(
    products: NDArray[Any], query: float, rows: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return squared distances (N,) at unit length, from inner products and squared lengths.

    All three are exact, and sqrt(n * n) is exactly n in floating point, so that equal codes are
    at distance exactly 0.
    """
    there = float(query > 0) + (rows > 0)
    scale = np.sqrt(query * rows)
    scale[scale == 0] = 1  # a descriptor of zeros: its products are 0, so any divisor will do
    return np.maximum(there - 2 * products.astype(np.float64) / scale, 0).astype(np.float32)


def _nearest(distances: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the k rows of the smallest distances, ascending, ties by row."""
    nearest: NDArray[np.int64] = np.argsort(distances, kind="stable")[:k]
    return nearest


def _scanning(metric: PooledMetric) -> Scanning:
    if metric not in POOLED_METRICS:
        raise OptionError(f"Expected a metric of {', '.join(POOLED_METRICS)}; got {metric!r}.")
    return Scanning("codes", PooledScan, whole=True, options={"metric": metric})
