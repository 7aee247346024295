"""Exact Euclidean search over posting lists: only rows that share a column with the query count."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.histogram_l2 import (
    CHUNK_ROWS,
    Histograms,
    Lists,
    Rows,
    add_squares,
    distances_to_all,
    encode_lists,
    nearest,
)
from semsig_kernels.threads import run_split

from semsig.index.checks import check_k, portions
from semsig.index.heaps import Chunks, Heaps, empty_heaps, share_out, sort_heaps
from semsig.index.scoring import check_allowed
from semsig.types import SbovpBatch

Found = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Distances and rows."""


class HistogramScan:
    """Exact search over the rows of a batch; :class:`semsig.index.L2Index` defines the distance.

    Parameters
    ----------
    batch : SbovpBatch
        The N histograms to search, row i being the i-th. The lists take about 2 bytes a count
        and, for every 16,384 rows, 12 bytes a column that they have.
    """

    def __init__(self, batch: SbovpBatch) -> None:
        norm = batch.schema.norm
        self._schema = batch.schema
        self._lists = build_lists(batch)
        self._rows = Rows(
            totals=_squared_norms(batch),
            allowed=np.zeros(0, np.bool_),
            roots=norm == "sqrt",
            unit=norm != "none",
        )
        self._sums: list[NDArray[np.float64]] = []  # kept: fresh memory costs more than a search

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
            Rows that are False are never found.

        Returns
        -------
        distances : ndarray of float32, shape (Q, k)
            Ascending, padded with -1.
        rows : ndarray of int64, shape (Q, k)
            Equal distances come by ascending row; padded with -1.

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
        rows = self._rows if allowed is None else self._rows._replace(allowed=allowed)

        def scan(part: Histograms, chunks: Chunks) -> Heaps:
            heaps = empty_heaps(len(part.totals), held)
            sums = self._take_sums()
            nearest(self._lists, part, chunks, rows, sums, *heaps)
            self._sums.append(sums)
            return heaps

        heaps = share_out(_as_histograms(queries), len(self), CHUNK_ROWS, scan)
        keys, found = sort_heaps(heaps, k, np.dtype(np.float64))
        return np.where(found < 0, np.float32(-1), self._distances(keys)), found

    def search_radius(
        self, queries: SbovpBatch, radius: float, *, allowed: NDArray[np.bool_] | None = None
    ) -> list[Found]:
        """Find every row at a distance of at most `radius`; else as :meth:`search`.

        Returns
        -------
        list of (distances, rows)
            One pair a query, ascending by distance, then row.
        """
        self._check(queries, allowed)
        histograms, answers = _as_histograms(queries), []
        for q in range(len(queries)):
            keys = np.zeros(len(self))
            distances_to_all(self._lists, histograms, q, self._rows, keys)
            distances = self._distances(keys)
            near = distances <= radius
            rows = np.flatnonzero(near if allowed is None else near & allowed)
            rows = rows[np.argsort(keys[rows], kind="stable")]
            answers.append((distances[rows], rows))
        return answers

    def _take_sums(self) -> NDArray[np.float64]:
        try:
            return self._sums.pop()
        except IndexError:
            return np.zeros(CHUNK_ROWS)

    def _check(self, queries: SbovpBatch, allowed: NDArray[np.bool_] | None) -> None:
        self._schema.require(queries.schema)
        check_allowed(allowed, len(self))

    def _distances(self, keys: NDArray[Any]) -> NDArray[np.float32]:
        """Return distances from what the kernels rank by: squares, unless at unit length."""
        own = keys if self._rows.unit else np.sqrt(np.maximum(keys, 0))
        return own.astype(np.float32)


def _as_histograms(batch: SbovpBatch) -> Histograms:
    """Return a batch as the kernels take queries."""
    offsets, counts = batch.offsets.astype(np.int64), batch.counts.astype(np.float64)
    totals = np.empty(len(batch))
    add_squares(counts, offsets, batch.schema.norm == "sqrt", totals)
    return Histograms(batch.columns.astype(np.int64), counts, offsets, totals)


def _squared_norms(batch: SbovpBatch) -> NDArray[np.float64]:
    """Return the squared norm of each row, shape (N,); of square roots, where the schema says."""
    norms = np.empty(len(batch))
    for start, stop in portions(batch.offsets):
        offsets = batch.offsets[start : stop + 1]
        counts = batch.counts[offsets[0] : offsets[-1]].astype(np.float64)
        add_squares(counts, offsets - offsets[0], batch.schema.norm == "sqrt", norms[start:stop])
    return norms


class _ChunkLists(NamedTuple):
    """Posting lists of one chunk, as :class:`Lists` has them."""

    stream: NDArray[np.uint16]
    columns: NDArray[np.uint32]
    starts: NDArray[np.uint32]


def build_lists(batch: SbovpBatch) -> Lists:
    """Invert a batch: for each chunk of rows and each column, the rows that have it."""
    n_chunks = -(-len(batch) // CHUNK_ROWS)
    by_thread = run_split(
        n_chunks, lambda first, last: [_chunk_lists(batch, chunk) for chunk in range(first, last)]
    )
    chunks = [chunk for chunks in by_thread for chunk in chunks]
    most = max((len(chunk.columns) for chunk in chunks), default=1)
    shift = max(0, (batch.schema.n_columns // max(1, most)).bit_length() - 1)
    edges = np.arange(((batch.schema.n_columns - 1) >> shift) + 2) << shift
    buckets = [np.searchsorted(chunk.columns, edges) for chunk in chunks]
    return Lists(
        stream=_joined([chunk.stream for chunk in chunks], np.dtype(np.uint16)),
        stream_bounds=_bounds([len(chunk.stream) for chunk in chunks]),
        columns=_joined([chunk.columns for chunk in chunks], np.dtype(np.uint32)),
        starts=_joined([chunk.starts for chunk in chunks], np.dtype(np.uint32)),
        column_bounds=_bounds([len(chunk.columns) for chunk in chunks]),
        buckets=np.array(buckets, np.uint32).reshape(n_chunks, len(edges)),
        shift=shift,
    )


def _chunk_lists(batch: SbovpBatch, chunk: int) -> _ChunkLists:
    offsets = batch.offsets[chunk * CHUNK_ROWS : (chunk + 1) * CHUNK_ROWS + 1]
    own = slice(offsets[0], offsets[-1])
    entries = batch.columns[own].astype(np.uint64) << np.uint64(32)
    entries |= batch.counts[own].astype(np.uint64) << np.uint64(16)
    entries |= np.repeat(np.arange(len(offsets) - 1, dtype=np.uint64), np.diff(offsets))
    entries.sort()
    stream = np.empty(4 * len(entries), np.uint16)
    columns, starts = np.empty((2, len(entries)), np.uint32)
    end, n_columns = encode_lists(entries, stream, columns, starts)
    return _ChunkLists(stream[:end].copy(), columns[:n_columns].copy(), starts[:n_columns].copy())


def _joined(parts: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts])


def _bounds(lengths: list[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)
