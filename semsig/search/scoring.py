"""The parts of all distances: weights of cells, total weights of signatures, and ranking.

With w(l) = l + 1 set bits for proportion level l, W = sum of w over a signature's cells, and
I = sum of min(w_A, w_B) over common cells, which is the number of bits that A and B share:

* ``"hamming"``       W_A + W_B - 2 I
* ``"tanimoto"``      1 - I / (W_A + W_B - I), 0 for two empty signatures
* ``"tanimoto-idf"``  the same with weight idf = log(N / max(df, 1)) instead of 1 for each bit,
  where df of the N indexed signatures have the bit. idf is rounded to multiples of 2^-16, so that
  sums are exact in integers and every scan gives the same distance with any number of threads.
* ``"jaccard"``       as tanimoto, with weight 1 for each non-empty cell, whatever its level
* ``"containment"``   1 - I / W_A with the query A, 0 for an empty query

The table :data:`semsig.types.metrics.METRICS` defines the weights and the form of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.search.counts import DocumentCounts
from semsig.search.scans import Distances
from semsig.types import SbsBatch
from semsig.types.metrics import Form, Metric, metric_named

Totals = NDArray[np.int32] | NDArray[np.int64]
"""Total weights of signatures."""

IDF_ONE = 2**16
"""Fixed-point 1: the integer that stands for an idf of 1."""

_ROWS_AT_ONCE = 16384


def idf(frequency: NDArray[np.int64], n_rows: int) -> NDArray[np.int64]:
    """Return log(n_rows / max(frequency, 1)) in units of 1 / IDF_ONE, same shape, int64."""
    ratio = max(n_rows, 1) / np.maximum(frequency, 1)
    weights: NDArray[np.int64] = np.rint(np.log(ratio) * IDF_ONE).astype(np.int64)
    return weights


class FlatWeights:
    """Weights that depend on the level only, not on the cell.

    Parameters
    ----------
    levels : sequence of int
        Weights of levels 1..4.
    """

    def __init__(self, levels: Sequence[int]) -> None:
        self._levels = np.array(levels, np.int64)

    def of(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the weight of levels 1..4 of each code's cell, shape (n, 4)."""
        weights = np.empty((len(codes), len(self._levels)), np.int64)
        weights[:] = self._levels
        return weights

    def own(self, codes: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the weight of each code, shape (n,)."""
        own: NDArray[np.int64] = self._levels[codes & 3]
        return own


BITS = FlatWeights([2, 3, 4, 5])
"""Every bit has weight 1: the presence bit, and as many proportion bits as the level."""
PRESENCE = FlatWeights([1, 1, 1, 1])
"""Only the presence bit counts, with weight 1."""


class IdfWeights:
    """Every bit is weighted by its idf, from document counts.

    The presence bit and the first proportion bit always occur together: they have one frequency,
    and level 1 counts its idf twice.
    """

    def __init__(self, counts: DocumentCounts) -> None:
        self._cells = counts.cells
        frequency = np.concatenate([counts.reached, np.zeros((1, 4), np.int64)])
        bits = idf(frequency, counts.rows)
        bits[:, 0] *= 2
        self._weights = bits.cumsum(axis=1)
        narrow = counts.schema.cell_dtype == np.uint16
        every = np.arange(counts.schema.n_cells if narrow else 0)
        self._by_code = self.of(4 * every).reshape(-1)

    def of(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the weight of levels 1..4 of each code's cell, shape (n, 4)."""
        cells = codes >> 2
        position = np.searchsorted(self._cells, cells)
        known = position < len(self._cells)
        known[known] = self._cells[position[known]] == cells[known]
        return self._weights[np.where(known, position, -1)]

    def own(self, codes: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the weight of each code, shape (n,)."""
        wide = codes.astype(np.int64)
        own: NDArray[np.int64] = (
            self._by_code[wide]
            if len(self._by_code)
            else np.take_along_axis(self.of(wide), (wide & 3)[:, None], axis=1)[:, 0]
        )
        return own


Scheme = FlatWeights | IdfWeights


def count_documents(batch: SbsBatch) -> DocumentCounts:
    """Count how many signatures have each bit."""
    cells, reached = bit_frequency(batch)
    return DocumentCounts(schema=batch.schema, rows=len(batch), cells=cells, reached=reached)


def scheme_of(batch: SbsBatch, metric: Metric, counts: DocumentCounts | None = None) -> Scheme:
    """Return the weights of a metric; idf is from `counts`, or else from the rows of the batch."""
    weights = metric_named(metric).weights
    if weights == "idf":
        return IdfWeights(counts or count_documents(batch))
    return BITS if weights == "bits" else PRESENCE


def bit_frequency(batch: SbsBatch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct cells (n,), ascending, and how many rows have at least level 1..4 (n, 4).

    Counts per level, summed from the highest level down, give counts of "at least" a level.
    """
    codes, counts = _count_codes(batch)
    cells, position = np.unique(codes >> 2, return_inverse=True)
    frequency = np.zeros((len(cells), 4), np.int64)
    frequency[position, codes & 3] = counts
    return cells, frequency[:, ::-1].cumsum(axis=1)[:, ::-1]


def _count_codes(batch: SbsBatch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct codes, ascending, and how many rows have each."""
    if batch.schema.cell_dtype == np.uint16:
        by_code = np.zeros(4 * batch.schema.n_cells, np.int64)
        for part in parts_of(batch, _ROWS_AT_ONCE):
            by_code += np.bincount(part.cells, minlength=len(by_code))
        codes = np.flatnonzero(by_code)
        return codes, by_code[codes]
    distinct, counts = np.unique(batch.cells, return_counts=True)
    return distinct.astype(np.int64), counts.astype(np.int64)


def weights_and_totals(
    batch: SbsBatch, scheme: Scheme
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return codes (n,), the weights of their levels (n, 4), and each signature's total (N,)."""
    codes = batch.cells.astype(np.int64)
    return codes, scheme.of(codes), _sum_rows(scheme.own(codes), batch.offsets)


def row_totals(batch: SbsBatch, scheme: Scheme) -> Totals:
    """Return the total weight of each signature, shape (N,); int32 if all are below 2^16."""
    parts = [
        _sum_rows(scheme.own(part.cells), part.offsets) for part in parts_of(batch, _ROWS_AT_ONCE)
    ]
    totals = np.concatenate([np.zeros(0, np.int64), *parts])
    return totals.astype(np.int32) if totals.max(initial=0) < 2**16 else totals


def parts_of(batch: SbsBatch, rows: int) -> Iterator[SbsBatch]:
    """Yield consecutive parts of `rows` signatures; the last one may be shorter."""
    for first in range(0, len(batch), rows):
        offsets = batch.offsets[first : first + rows + 1]
        cells = batch.cells[offsets[0] : offsets[-1]]
        yield SbsBatch(cells, offsets - offsets[0], batch.schema)


def _sum_rows(values: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums[offsets[1:]] - sums[offsets[:-1]]


def distances_of(shared: NDArray[np.integer], total: int, totals: Totals, form: Form) -> Distances:
    """Return the distances of one query to N rows, from shared weights and total weights."""
    if form == "difference":
        return (total + totals - 2 * shared).astype(np.int32)
    return _one_less(shared, total if form == "lack" else total + totals - shared)


def _one_less(shared: NDArray[np.integer], of: Any) -> NDArray[np.float32]:
    """Return 1 - shared / of, 0 where `of` is 0.

    It is exactly 0 if both are the same integer, as a quotient of equal numbers is exactly 1.
    """
    return np.where(of > 0, 1 - shared / np.maximum(of, 1), 0).astype(np.float32)


def from_differences(
    distances: Distances, rows: NDArray[np.int64], totals: NDArray[np.int64]
) -> Distances:
    """Return 1 - I / W_A, computed from 2 W_A - 2 I, shape (Q, k); -1 where there is no row."""
    of_queries = totals[:, None]
    shared = of_queries - distances.astype(np.int64) // 2
    return np.where(rows < 0, -1, _one_less(shared, of_queries)).astype(np.float32)


def rank(
    distances: Distances, k: int, allowed: NDArray[np.bool_] | None
) -> tuple[Distances, NDArray[np.int64]]:
    """Return the k smallest distances and their rows, ascending, ties by row, padded with -1.

    (distance, row) is packed into one 64-bit key: distances are not negative, so the bits of
    float32 values, read as int32, are in the same order as the values.
    """
    rows = np.arange(len(distances)) if allowed is None else np.flatnonzero(allowed)
    keys = distances[rows].view(np.int32).astype(np.int64) << 32 | rows
    if k < len(keys):
        keys = np.partition(keys, k - 1)[:k]
    found = np.sort(keys) & 0xFFFFFFFF
    best: Distances = np.full(k, -1, distances.dtype)  # type: ignore[assignment]
    best[: len(found)] = distances[found]
    return best, np.concatenate([found, np.full(k - len(found), -1, np.int64)])


def within(
    distances: Distances, radius: float, allowed: NDArray[np.bool_] | None
) -> tuple[Distances, NDArray[np.int64]]:
    """Return the distances <= radius and their rows, ascending, ties by row."""
    near = distances <= radius
    rows = np.flatnonzero(near if allowed is None else near & allowed)
    rows = rows[np.argsort(distances[rows], kind="stable")]
    return distances[rows], rows


def distance_dtype(metric: Metric) -> np.dtype[Any]:
    """Return int32 for Hamming, float32 for the others."""
    return np.dtype(metric_named(metric).dtype)


def check_allowed(allowed: NDArray[np.bool_] | None, n_rows: int) -> None:
    """Raise :class:`OptionError` unless `allowed` is None or has one bool per row."""
    if allowed is not None and (allowed.dtype != np.bool_ or allowed.shape != (n_rows,)):
        raise OptionError(
            f"allowed is bool of shape ({n_rows},), got {allowed.dtype} {allowed.shape}."
        )
