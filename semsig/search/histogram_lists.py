"""Invert histograms: from rows of counts to posting lists."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.histogram_lists import CHUNK_ROWS, LINE_UNIT, Lists, count_lines, encode_lists
from semsig_kernels.threads import run_split

from semsig.search.aligned import aligned_zeros
from semsig.types import SbovpBatch

LINE_SHARE = 16
"""A column that occurs in at least one of this many rows is stored as a line, which is faster."""

_LEAST_ROWS = 4
"""Fewest rows of a line, whatever the size of the chunk; `encode_lists` requires at least 3."""


class _ChunkLists(NamedTuple):
    """Posting lists of one chunk, in the format of :class:`Lists`."""

    stream: NDArray[np.uint16]
    columns: NDArray[np.uint32]
    starts: NDArray[np.uint32]
    lines: NDArray[np.uint8]


def build_lists(batch: SbovpBatch) -> Lists:
    """Invert a batch: list, for each chunk of rows and each column, the rows that have it."""
    n_chunks = -(-len(batch) // CHUNK_ROWS)
    by_thread = run_split(
        n_chunks, lambda first, last: [_chunk_lists(batch, chunk) for chunk in range(first, last)]
    )
    chunks = [chunk for chunks in by_thread for chunk in chunks]
    most = max((len(chunk.columns) for chunk in chunks), default=1)
    shift = max(0, (batch.schema.n_columns // max(1, most)).bit_length() - 1)
    edges = np.arange(((batch.schema.n_columns - 1) >> shift) + 2) << shift
    buckets = [np.searchsorted(chunk.columns, edges) for chunk in chunks]
    values = np.arange(2**16, dtype=np.float32)
    empty = _ChunkLists(*_no_lists(0, _width(batch), 0))
    *three, every_line = zip(empty, *chunks, strict=True)
    stream, columns, starts = map(np.concatenate, three)
    lines = aligned_zeros((sum(map(len, every_line)), _width(batch)), np.uint8)
    np.concatenate(every_line, out=lines)
    return Lists(
        stream=stream,
        stream_bounds=_bounds([len(chunk.stream) for chunk in chunks]),
        columns=columns,
        starts=starts,
        column_bounds=_bounds([len(chunk.columns) for chunk in chunks]),
        buckets=np.array(buckets, np.uint32).reshape(n_chunks, len(edges)),
        shift=shift,
        lines=lines,
        line_bounds=_bounds([len(chunk.lines) for chunk in chunks]),
        values=np.sqrt(values) if batch.schema.norm == "sqrt" else values,
    )


def _width(batch: SbovpBatch) -> int:
    """Return the number of bytes of a line in the largest chunk."""
    return -(-min(len(batch), CHUNK_ROWS) // LINE_UNIT) * (LINE_UNIT // 2)


def _no_lists(n_entries: int, width: int, n_lines: int) -> tuple[NDArray[Any], ...]:
    """Return memory for the lists of `n_entries` counts."""
    columns, starts = np.empty((2, n_entries), np.uint32)
    lines = np.zeros((n_lines, width), np.uint8)
    return np.empty(4 * n_entries, np.uint16), columns, starts, lines


def _chunk_lists(batch: SbovpBatch, chunk: int) -> _ChunkLists:
    offsets = batch.offsets[chunk * CHUNK_ROWS : (chunk + 1) * CHUNK_ROWS + 1]
    own = slice(offsets[0], offsets[-1])
    entries = batch.columns[own].astype(np.uint64) << np.uint64(32)
    entries |= batch.counts[own].astype(np.uint64) << np.uint64(16)
    entries |= np.repeat(np.arange(len(offsets) - 1, dtype=np.uint64), np.diff(offsets))
    entries.sort()
    width = _width(batch)
    least = max(_LEAST_ROWS, 2 * width // LINE_SHARE)
    memory = _no_lists(len(entries), width, count_lines(entries, least))
    stream, columns, starts, lines = memory
    end, n_columns = encode_lists(entries, least, *memory)
    return _ChunkLists(
        stream[:end].copy(), columns[:n_columns].copy(), starts[:n_columns].copy(), lines
    )


def _bounds(lengths: list[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)
