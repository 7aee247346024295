"""Exact Euclidean search among histograms: bounds by posting lists, then exact distances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.histogram_l2 import Memory, answer, nearest, within
from semsig_kernels.histogram_lists import CHUNK_ROWS
from semsig_kernels.histogram_sums import Histograms, Rows, add_squares

from semsig.search.aligned import aligned_zeros
from semsig.search.checks import check_k
from semsig.search.heaps import Chunks, Heaps, empty_heaps, share_out
from semsig.search.histogram_lists import build_lists
from semsig.search.scoring import check_allowed
from semsig.storage.checks import portions
from semsig.types import SbovpBatch

Found = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Distances and rows."""

_SLACK = 1e-6
"""Relative slack of a radius: more than the error of a distance rounded to float32 (2^-24)."""

_COST = 4
"""Time to compare a row, relative to a row of binary signatures."""

_MOST_COLUMNS = 2**23
"""With more columns, a query is not expanded to a dense array (here 16 MiB per thread)."""

_AT_ONCE = 32
"""Queries whose lines are added together, one part of the rows at a time."""


class HistogramScan:
    """Exact search over the rows of a batch; :class:`semsig.search.L2Index` defines the distance.

    Parameters
    ----------
    batch : SbovpBatch
        The N histograms to search; row i is the i-th. It is kept, not copied. The posting lists
        take 2 to 3 bytes per count and, for every 16,384 rows, 12 bytes per column that occurs.
    """

    def __init__(self, batch: SbovpBatch) -> None:
        self._schema = batch.schema
        self._lists = build_lists(batch)
        self._rows = _as_rows(batch)
        self._memories: list[Memory] = []  # reused, as new memory takes longer than a search

    def __len__(self) -> int:
        return len(self._rows.totals)

    def search(
        self, queries: SbovpBatch, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> Found:
        """Find the k nearest rows to each query.

        Parameters
        ----------
        queries : SbovpBatch
            Q histograms of the same schema.
        k : int
            At least 1; may exceed the number of rows.
        allowed : ndarray of bool, shape (N,), optional
            Rows that may be found; all by default.

        Returns
        -------
        distances : ndarray of float32, shape (Q, k)
            Ascending, padded with -1.
        rows : ndarray of int64, shape (Q, k)
            Rows at equal distances are in ascending order; padded with -1.

        Raises
        ------
        SchemaMismatchError
            If the queries were made with another schema.
        OptionError
            If `k` or `allowed` is not as stated.
        """
        self._check(queries, allowed)
        k = check_k(k, len(self))
        held = min(k, max(1, len(self)))
        rows = self._allowed(allowed)

        def scan(part: Histograms, chunks: Chunks) -> Heaps:
            heaps = empty_heaps(len(part.totals), held)
            memory = self._take_memory()
            nearest(self._lists, part, chunks, rows, memory, *heaps)
            self._memories.append(memory)
            return heaps

        heaps = share_out(_as_histograms(queries), len(self), CHUNK_ROWS, scan, cost=_COST)
        found = np.empty((len(queries), k), np.int64)
        distances = np.empty(found.shape, np.float32)
        answer(heaps, rows.unit, distances, found)
        return distances, found

    def search_radius(
        self, queries: SbovpBatch, radius: float, *, allowed: NDArray[np.bool_] | None = None
    ) -> list[Found]:
        """Find every row at a distance of at most `radius`; otherwise as :meth:`search`.

        Returns
        -------
        list of (distances, rows)
            One pair per query, ascending by distance, then row.
        """
        self._check(queries, allowed)
        histograms, rows = _as_histograms(queries), self._allowed(allowed)
        memory, answers = self._take_memory(), []
        for q, total in enumerate(histograms.totals):
            keys = np.full(len(self), np.inf)
            within(self._lists, histograms, q, rows, self._floor(radius, total), memory, keys)
            distances = self._distances(keys)
            near = np.flatnonzero(distances <= radius)
            near = near[np.argsort(keys[near], kind="stable")]
            answers.append((distances[near], near))
        self._memories.append(memory)
        return answers

    def _floor(self, radius: float, total: float) -> float:
        """Return a score that all rows within `radius` reach.

        Scores are cosines, 1 - d^2 / 2, at unit length, and total - d^2 otherwise. `_SLACK` covers
        the rounding of distances to float32. An empty query has no direction: all rows qualify.
        """
        if total == 0:
            return -np.inf
        squared = (radius * (1 + _SLACK)) ** 2
        return 1 - squared / 2 - _SLACK if self._rows.unit else total - squared

    def _allowed(self, allowed: NDArray[np.bool_] | None) -> Rows:
        if allowed is None:
            return self._rows
        return self._rows._replace(bases=np.where(allowed, self._rows.bases, -np.inf))

    def _take_memory(self) -> Memory:
        try:
            return self._memories.pop()
        except IndexError:
            n_columns = self._schema.n_columns
            own = np.zeros(n_columns if n_columns <= _MOST_COLUMNS else 0, np.uint16)
            sums = aligned_zeros((_AT_ONCE, CHUNK_ROWS), np.float32)
            return Memory(sums, aligned_zeros((CHUNK_ROWS,), np.uint16), own)

    def _check(self, queries: SbovpBatch, allowed: NDArray[np.bool_] | None) -> None:
        self._schema.require(queries.schema)
        check_allowed(allowed, len(self))

    def _distances(self, keys: NDArray[Any]) -> NDArray[np.float32]:
        """Return distances from the kernels' keys: squared distances, unless at unit length."""
        own = keys if self._rows.unit else np.sqrt(np.maximum(keys, 0))
        return own.astype(np.float32)


def _as_histograms(batch: SbovpBatch) -> Histograms:
    """Return queries in the form that the kernels take."""
    offsets, counts = batch.offsets.astype(np.int64), batch.counts.astype(np.float64)
    totals = np.empty(len(batch))
    add_squares(counts, offsets, batch.schema.norm == "sqrt", totals)
    return Histograms(batch.columns.astype(np.int64), counts, offsets, totals)


def _as_rows(batch: SbovpBatch) -> Rows:
    """Return rows in the form that the kernels take.

    At unit length an empty row is at distance 1, hence its score, a cosine, is 1 - 1 / 2 = 0.5.
    """
    norm, totals = batch.schema.norm, _squared_norms(batch)
    unit = norm != "none"
    filled = np.maximum(totals, 1)
    return Rows(
        columns=_read_only(batch.columns),
        counts=_read_only(batch.counts),
        offsets=_read_only(batch.offsets),
        totals=totals,
        slopes=1 / np.sqrt(filled) if unit else np.ones(len(batch)),
        bases=np.where(totals == 0, 0.5, 0.0) if unit else -totals,
        roots=norm == "sqrt",
        unit=unit,
    )


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    """Return a contiguous read-only view: one array type, for which kernels are compiled once."""
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view


def _squared_norms(batch: SbovpBatch) -> NDArray[np.float64]:
    """Return the squared norm of each row, shape (N,); of square roots if the schema says so."""
    norms = np.empty(len(batch))
    for start, stop in portions(batch.offsets):
        offsets = batch.offsets[start : stop + 1]
        counts = batch.counts[offsets[0] : offsets[-1]].astype(np.float64)
        add_squares(counts, offsets - offsets[0], batch.schema.norm == "sqrt", norms[start:stop])
    return norms
