"""Posting lists of sparse histograms: for each column, the rows that have it.

Rows are split into chunks of CHUNK_ROWS, so that row numbers within a chunk fit uint16. All
numbers of a list are uint16. A column's list is a sequence of blocks, one per distinct count:
``count, length - 1, rows...``. Counts that only few rows have share one last block,
``0, length - 1, rows..., counts...``; 0 marks it, as no stored count is 0.

If very many rows have a column, their counts up to 15 form a *line*: a dense array of half bytes,
one per row. The list then starts with ``0, 65535, low and high half of the line's number``, and
continues with the blocks of the larger counts. In a line, rows 128 * b + j, + 32, + 64 and + 96
(j < 32) are in bytes 64 * b + 2 * j and 64 * b + 2 * j + 1, the low half of each byte first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import inlined, kernel

CHUNK_ROWS = 16384
FEW_ROWS = 32
"""Counts that fewer rows have are put into the shared last block."""
LARGEST_OF_LINE = 15
"""Largest count that fits half a byte."""
LINE_UNIT = 128
"""Lines are padded to a multiple of this number of rows."""

_LONGEST = 65536
"""Largest number of rows in a block: its length - 1 must fit uint16."""
LINE_MARK = 65535
"""After a count of 0, marks a line instead of giving the length of the shared block."""


class Lists(NamedTuple):
    """Posting lists of C chunks; a chunk has a list for every column that occurs in its rows."""

    stream: NDArray[np.uint16]
    """Lists of all chunks, concatenated."""
    stream_bounds: NDArray[np.int64]
    """Chunk c has ``stream[stream_bounds[c]:stream_bounds[c + 1]]``."""
    columns: NDArray[np.uint32]
    """Columns that have lists, ascending within a chunk."""
    starts: NDArray[np.uint32]
    """Where each column's list starts within the chunk's stream."""
    column_bounds: NDArray[np.int64]
    """Chunk c has ``columns[column_bounds[c]:column_bounds[c + 1]]``, and starts likewise."""
    buckets: NDArray[np.uint32]
    """Position, within the chunk, of the first column >= ``b << shift``, shape (C, B + 1)."""
    shift: int
    """A column's bucket is ``column >> shift``."""
    lines: NDArray[np.uint8]
    """Two counts per byte: shape (L, half the rows of a chunk rounded up to LINE_UNIT)."""
    line_bounds: NDArray[np.int64]
    """Line l of chunk c is ``lines[line_bounds[c] + l]``."""
    values: NDArray[np.float32]
    """Every possible count, or its square root, shape (65536,)."""


@kernel
def count_lines(entries: NDArray[np.uint64], least: int) -> int:
    """Return how many columns occur in at least `least` rows; `entries` as in encode_lists."""
    n_lines = 0
    first = 0
    while first < entries.size:
        last = _end_of_run(entries, first, 32)
        n_lines += int(last - first >= least)
        first = last
    return n_lines


@kernel
def encode_lists(
    entries: NDArray[np.uint64],
    least: int,
    stream: NDArray[np.uint16],
    columns: NDArray[np.uint32],
    starts: NDArray[np.uint32],
    lines: NDArray[np.uint8],
) -> tuple[int, int]:
    """Write the lists of one chunk.

    Parameters
    ----------
    entries : ndarray of uint64, shape (n,)
        ``column << 32 | count << 16 | row`` of every count, ascending; overwritten.
    least : int
        A column that occurs in at least so many rows gets a line; at least 3.
    stream : ndarray of uint16, shape (>= 4 * n,)
        Output. 4 * n is enough: a list of one entry takes 4 numbers, longer ones less per entry.
    columns, starts : ndarray of uint32, shape (>= number of distinct columns,)
        Output: each column, and where its list starts in `stream`.
    lines : ndarray of uint8, shape (L, width as in :class:`Lists`)
        Output, all 0 before; L is what :func:`count_lines` returns.

    Returns
    -------
    (int, int)
        Lengths of the parts of `stream` and `columns` that were written.
    """
    end = 0
    n_columns = 0
    n_lines = 0
    first = 0
    while first < entries.size:
        last = _end_of_run(entries, first, 32)
        columns[n_columns] = entries[first] >> np.uint64(32)
        starts[n_columns] = end
        left = first
        if last - first >= least:
            left += _write_line(entries[first:last], lines[n_lines])
            stream[end] = 0
            stream[end + 1] = LINE_MARK
            stream[end + 2] = n_lines & 0xFFFF
            stream[end + 3] = n_lines >> 16
            n_lines += 1
            end += 4
        end = _encode_list(entries[left:last], stream, end)
        n_columns += 1
        first = last
    return end, n_columns


@inlined
def _write_line(entries: NDArray[np.uint64], line: NDArray[np.uint8]) -> int:
    """Write a column's counts up to LARGEST_OF_LINE to a line; return how many these were.

    The entries of a column ascend by count, so these are its first ones.
    """
    low = np.uint64(0xFFFF)
    written = 0
    for entry in entries:
        count = (entry >> np.uint64(16)) & low
        if count > LARGEST_OF_LINE:
            break
        row = np.int64(entry & low)
        at = row // LINE_UNIT * (LINE_UNIT // 2) + row % 32 * 2 + row % LINE_UNIT // 64
        line[at] |= np.uint8(count << np.uint64(row % 64 // 32 * 4))
        written += 1
    return written


@kernel
def _encode_list(entries: NDArray[np.uint64], stream: NDArray[np.uint16], end: int) -> int:
    """Write the blocks of one column from ``stream[end]`` on; return where they end.

    Entries for the shared last block are moved to the front of `entries`, which is read ahead of
    where it is overwritten. That block stays shorter than LINE_MARK, so its length cannot be
    mistaken for the mark.
    """
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
    """Return where the run of entries ends that equal the first when shifted right by `shift`."""
    key = entries[first] >> np.uint64(shift)
    last = first + 1
    while last < entries.size and entries[last] >> np.uint64(shift) == key:
        last += 1
    return last


@kernel
def find_lists(
    lists: Lists,
    chunk: int,
    wanted: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> None:
    """Write where in the stream the list of each wanted column begins and ends; 0, 0 if absent.

    Three separate loops, so that cache misses of several columns overlap.
    """
    base, last = lists.column_bounds[chunk], lists.column_bounds[chunk + 1] - 1
    for j in range(wanted.size):
        bucket = wanted[j] >> lists.shift
        begins[j] = base + np.int64(lists.buckets[chunk, bucket])
        ends[j] = base + np.int64(lists.buckets[chunk, bucket + 1])
    for j in range(wanted.size):
        begins[j] = _first_from(lists.columns, wanted[j], begins[j], ends[j])
    stream, end = lists.stream_bounds[chunk], lists.stream_bounds[chunk + 1]
    for j in range(wanted.size):
        at, stop = begins[j], ends[j]
        begins[j] = 0
        ends[j] = 0
        if at < stop and lists.columns[at] == wanted[j]:
            begins[j] = stream + np.int64(lists.starts[at])
            ends[j] = end if at == last else stream + np.int64(lists.starts[at + 1])


@inlined
def _first_from(columns: NDArray[np.uint32], wanted: int, low: int, high: int) -> int:
    """Return the position of the first column >= `wanted` in low..high - 1, else `high`."""
    while low < high:
        middle = (low + high) >> 1
        if columns[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
