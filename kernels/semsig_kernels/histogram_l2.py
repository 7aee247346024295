"""Posting lists of sparse histograms, and exact Euclidean search over them.

Rows come in chunks of CHUNK_ROWS, so that row numbers inside a chunk fit uint16. A column's
list is a stream of blocks ``count, length - 1, rows...``: adding a block's rows needs no other
memory than the stream and the sums. Counts that few rows have share one block at the list's
end, ``0, length - 1, rows..., counts...``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel
from semsig_kernels.simd import prefetch
from semsig_kernels.topk import replace_worst

CHUNK_ROWS = 16384
BLOCK_ROWS = 64
FEW_ROWS = 16

_LONGEST = 65536
_AHEAD = 2
_LINES = 8
_NUMBERS_A_LINE = 32
_SLACK = 1e-6


class Lists(NamedTuple):
    """Posting lists of C chunks, each with a list for every column that its rows have."""

    stream: NDArray[np.uint16]
    """Lists of all chunks, one after the other."""
    stream_bounds: NDArray[np.int64]
    """Chunk c has ``stream[stream_bounds[c]:stream_bounds[c + 1]]``."""
    columns: NDArray[np.uint32]
    """Columns that have lists, ascending within a chunk."""
    starts: NDArray[np.uint32]
    """Where each column's list starts within the chunk's stream."""
    column_bounds: NDArray[np.int64]
    """Chunk c has ``columns[column_bounds[c]:column_bounds[c + 1]]``, and starts likewise."""
    buckets: NDArray[np.uint32]
    """Where columns from ``b << shift`` on start within the chunk, shape (C, B + 1)."""
    shift: int
    """So many low bits of a column are ignored by its bucket."""


class Histograms(NamedTuple):
    """Histograms to search for."""

    columns: NDArray[np.int64]
    """Non-empty columns, shape (n,)."""
    counts: NDArray[np.float64]
    """Their counts, shape (n,)."""
    offsets: NDArray[np.int64]
    """Histogram q has ``columns[offsets[q]:offsets[q + 1]]``."""
    totals: NDArray[np.float64]
    """Squared norm of each, shape (Q,)."""


class Rows(NamedTuple):
    """The N rows that are searched, apart from their lists."""

    totals: NDArray[np.float64]
    """Squared norm of each row, shape (N,)."""
    allowed: NDArray[np.bool_]
    """Rows that may be found, shape (N,); of shape (0,): all."""
    roots: bool
    """Take square roots of the counts."""
    unit: bool
    """Scale each histogram to unit length."""


@kernel
def encode_lists(
    entries: NDArray[np.uint64],
    stream: NDArray[np.uint16],
    columns: NDArray[np.uint32],
    starts: NDArray[np.uint32],
) -> tuple[int, int]:
    """Write the lists of one chunk.

    Parameters
    ----------
    entries : ndarray of uint64, shape (n,)
        ``column << 32 | count << 16 | row`` of every count, ascending.
    stream : ndarray of uint16, shape (>= 4 * n,)
        Written.
    columns, starts : ndarray of uint32, shape (>= number of distinct columns,)
        Written: each column, and where its list starts in `stream`.

    Returns
    -------
    (int, int)
        How much of `stream`, and of `columns`, was written.
    """
    end = 0
    n_columns = 0
    first = 0
    while first < entries.size:
        last = _end_of_run(entries, first, 32)
        columns[n_columns] = entries[first] >> np.uint64(32)
        starts[n_columns] = end
        end = _encode_list(entries[first:last], stream, end)
        n_columns += 1
        first = last
    return end, n_columns


@kernel
def _encode_list(entries: NDArray[np.uint64], stream: NDArray[np.uint16], end: int) -> int:
    """Write the list of one column from `end` on; return where it ends."""
    low = np.uint64(0xFFFF)
    n_few = 0
    first = 0
    while first < entries.size:
        last = min(_end_of_run(entries, first, 16), first + _LONGEST)
        if last - first < FEW_ROWS and n_few < _LONGEST - FEW_ROWS:
            for j in range(first, last):
                entries[n_few] = entries[j]
                n_few += 1
        else:
            stream[end] = (entries[first] >> np.uint64(16)) & low
            stream[end + 1] = last - first - 1
            end += 2
            for j in range(first, last):
                stream[end] = entries[j] & low
                end += 1
        first = last
    if n_few == 0:
        return end
    stream[end] = 0
    stream[end + 1] = n_few - 1
    for j in range(n_few):
        stream[end + 2 + j] = entries[j] & low
        stream[end + 2 + n_few + j] = (entries[j] >> np.uint64(16)) & low
    return end + 2 + 2 * n_few


@kernel
def _end_of_run(entries: NDArray[np.uint64], first: int, shift: int) -> int:
    """Return where the entries that equal the first one, right of `shift` bits, end."""
    key = entries[first] >> np.uint64(shift)
    last = first + 1
    while last < entries.size and entries[last] >> np.uint64(shift) == key:
        last += 1
    return last


@kernel
def add_squares(
    counts: NDArray[np.float64],
    offsets: NDArray[np.int64],
    roots: bool,
    totals: NDArray[np.float64],
) -> None:
    """Write the squared norm of each histogram, or of its square roots, to `totals`, shape (N,).

    Histogram i has ``counts[offsets[i]:offsets[i + 1]]``.
    """
    for i in range(totals.size):
        total = 0.0
        for j in range(offsets[i], offsets[i + 1]):
            total += counts[j] if roots else counts[j] * counts[j]
        totals[i] = total


@kernel
def nearest(
    lists: Lists,
    queries: Histograms,
    chunks: tuple[int, int],
    rows: Rows,
    shared: NDArray[np.float64],
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> None:
    """Find the k nearest rows of some chunks to each of Q histograms.

    Parameters
    ----------
    lists : Lists
        What is searched.
    queries : Histograms
        What is searched for.
    chunks : (int, int)
        First chunk, and the one after the last.
    rows : Rows
        Norms of the rows, and which of them count.
    shared : ndarray of float64, shape (>= CHUNK_ROWS,)
        Sums, all 0 before and after.
    distances, found : ndarray of float64 and int64, shape (Q, k)
        Heaps of :mod:`semsig_kernels.topk`, updated: squared distances, or where rows.unit is
        set, distances rounded to float32.
    """
    for chunk in range(chunks[0], chunks[1]):
        first = chunk * CHUNK_ROWS
        size = min(CHUNK_ROWS, rows.totals.size - first)
        for q in range(queries.totals.size):
            _add_products(lists, chunk, queries, q, rows.roots, shared)
            _offer(shared, size, first, queries.totals[q], rows, distances[q], found[q])
            shared[:size] = 0


@kernel
def distances_to_all(
    lists: Lists, queries: Histograms, q: int, rows: Rows, distances: NDArray[np.float64]
) -> None:
    """Write the distances of :func:`nearest` from histogram q to every row; zeros before."""
    for chunk in range(lists.stream_bounds.size - 1):
        _add_products(lists, chunk, queries, q, rows.roots, distances[chunk * CHUNK_ROWS :])
    for row in range(distances.size):
        distances[row] = _distance(distances[row], queries.totals[q], rows.totals[row], rows.unit)


@kernel
def _add_products(
    lists: Lists,
    chunk: int,
    queries: Histograms,
    q: int,
    roots: bool,
    shared: NDArray[np.float64],
) -> None:
    """Add to each row of the chunk the product of each column it shares with histogram q."""
    first = queries.offsets[q]
    size = queries.offsets[q + 1] - first
    begins = np.empty(size + _AHEAD, np.int64)
    ends = np.empty(size + _AHEAD, np.int64)
    begins[size:] = 0
    ends[size:] = 0
    _find_lists(lists, chunk, queries.columns[first : first + size], begins, ends)
    for j in range(size):
        ahead = min(ends[j + _AHEAD], begins[j + _AHEAD] + _LINES * _NUMBERS_A_LINE)
        for start in range(begins[j + _AHEAD], ahead, _NUMBERS_A_LINE):
            prefetch(lists.stream, start)
        own = queries.counts[first + j]
        _add_list(lists.stream, begins[j], ends[j], own, roots, shared)


@kernel
def _find_lists(
    lists: Lists,
    chunk: int,
    wanted: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> None:
    """Write where in the stream each wanted column's list begins and ends; 0, 0 if absent."""
    base = lists.column_bounds[chunk]
    for j in range(wanted.size):
        bucket = wanted[j] >> lists.shift
        low = base + np.int64(lists.buckets[chunk, bucket])
        stop = base + np.int64(lists.buckets[chunk, bucket + 1])
        high = stop
        while low < high:
            middle = (low + high) >> 1
            if lists.columns[middle] < wanted[j]:
                low = middle + 1
            else:
                high = middle
        begins[j] = 0
        ends[j] = 0
        if low < stop and lists.columns[low] == wanted[j]:
            begins[j] = _start(lists, chunk, low)
            ends[j] = _start(lists, chunk, low + 1)


@inlined
def _start(lists: Lists, chunk: int, at: int) -> int:
    """Return where list number `at` of all chunks starts in the stream."""
    if at == lists.column_bounds[chunk + 1]:
        return int(lists.stream_bounds[chunk + 1])
    return int(lists.stream_bounds[chunk]) + int(lists.starts[at])


@inlined
def _add_list(
    stream: NDArray[np.uint16],
    begin: int,
    end: int,
    own: float,
    roots: bool,
    shared: NDArray[np.float64],
) -> None:
    """Add a column's products to its rows; indices are unsigned so that none may be negative."""
    at = begin
    while at < end:
        count = stream[np.uint64(at)]
        first = at + 2
        at = first + int(stream[np.uint64(at + 1)]) + 1
        if count > 0:
            product = _product(own, count, roots)
            for j in range(np.uint64(first), np.uint64(at)):
                shared[stream[j]] += product
        else:
            size = at - first
            for j in range(first, at):
                count = stream[np.uint64(j + size)]
                shared[stream[np.uint64(j)]] += _product(own, count, roots)
            at += size


@inlined
def _product(own: float, count: int, roots: bool) -> float:
    product = own * float(count)
    return float(np.sqrt(product)) if roots else product


@kernel
def _offer(
    shared: NDArray[np.float64],
    size: int,
    first: int,
    total: float,
    rows: Rows,
    distances: NDArray[np.float64],
    found: NDArray[np.int64],
) -> None:
    """Offer a chunk's rows, ascending; blocks without a row that is near enough are skipped."""
    totals = rows.totals[first : first + size]
    limit = _limit(distances[0], total, rows.unit)
    for start in range(0, size, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, size)
        if not _any_near(shared, totals, np.uint64(start), np.uint64(stop), rows.unit, limit):
            continue
        for i in range(start, stop):
            if not _is_near(shared[i], totals[i], rows.unit, limit):
                continue
            row = first + i
            distance = _distance(shared[i], total, totals[i], rows.unit)
            if distance < distances[0] and (rows.allowed.size == 0 or rows.allowed[row]):
                replace_worst(distances, found, distance, row)
                limit = _limit(distances[0], total, rows.unit)


@inlined
def _any_near(
    shared: NDArray[np.float64],
    totals: NDArray[np.float64],
    start: np.uint64,
    stop: np.uint64,
    unit: bool,
    limit: float,
) -> bool:
    """Whether a row may be near enough; loops that the compiler turns into vectors."""
    near = False
    if unit:
        for i in range(start, stop):
            near |= shared[i] * shared[i] >= limit * totals[i]
    else:
        for i in range(start, stop):
            near |= totals[i] - 2 * shared[i] < limit
    return near


@inlined
def _limit(worst: float, total: float, unit: bool) -> float:
    """Return what :func:`_is_near` compares with; at unit length a little too generous."""
    if not unit:
        return worst - total
    cosine = max(0.0, 1 - worst * worst / 2 - _SLACK)
    return cosine * cosine * total


@inlined
def _is_near(shared: float, total: float, unit: bool, limit: float) -> bool:
    """Whether a row may be nearer than the worst found, without dividing."""
    if unit:
        return shared * shared >= limit * total
    return total - 2 * shared < limit


@kernel
def _distance(shared: float, own: float, other: float, unit: bool) -> float:
    """Return the squared distance, or at unit length the distance as float32 has it."""
    if not unit:
        return own + other - 2 * shared
    if own == 0 or other == 0:
        return 0.0 if own == other else 1.0
    squared = 2 - 2 * (shared / np.sqrt(own * other))
    return float(np.float32(np.sqrt(max(0.0, squared))))
