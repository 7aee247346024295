"""Build the group sums that :mod:`semsig_kernels.sums` scores rows by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.sums import CHUNK_ROWS, OFFSET, Sums, sum_rows

from semsig.search.scoring import Scheme, Totals, parts_of
from semsig.types import SbsBatch, SbsSchema

_FREQUENT = 0.05
"""A group that more than this share of the rows have gets a dense column."""


class _Entries(NamedTuple):
    """The non-zero sums of one chunk, in row order; small dtypes, as all chunks are in memory."""

    of_row: NDArray[np.uint16]
    """Number of sums of each row."""
    groups: NDArray[np.uint16] | NDArray[np.uint32]
    sums: NDArray[np.uint16] | NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.uint16]:
        """Row of each sum, within the chunk."""
        return np.repeat(np.arange(len(self.of_row), dtype=np.uint16), self.of_row)


class _Postings(NamedTuple):
    """Posting lists of the rare groups of one chunk."""

    ids: NDArray[np.uint16]
    sums: NDArray[np.uint8]
    starts: NDArray[np.int64]


def build_sums(batch: SbsBatch, scheme: Scheme, totals: Totals) -> Sums:
    """Sum the weights of each row's cells by group; `totals` (N,) are the rows' total weights."""
    group_of = quarter_groups(batch.schema)
    n_groups = int(group_of.max()) + 1
    chunks = _entries(batch, scheme, group_of, _sum_dtype(totals))
    unit = _unit(chunks, totals)
    column_of = _columns_of(chunks, n_groups, len(batch))
    rare = [_rare(entries, unit, column_of) for entries in chunks]
    first = np.cumsum([0, *(len(part.ids) for part in rare)])
    bounds = [at + part.starts for at, part in zip(first, rare, strict=False)]
    starts = np.zeros((len(chunks), CHUNK_ROWS), np.uint16)
    starts.reshape(-1)[: len(batch)] = OFFSET - totals // (2 * unit)
    return Sums(
        group_of=group_of,
        unit=unit,
        columns=_fill_columns(chunks, unit, column_of),
        column_of=column_of,
        bounds=np.array(bounds, np.int64).reshape(-1, n_groups + 1),
        ids=np.concatenate([np.zeros(0, np.uint16), *(part.ids for part in rare)]),
        sums=np.concatenate([np.zeros(0, np.uint8), *(part.sums for part in rare)]),
        starts=starts,
    )


def _columns_of(chunks: list[_Entries], n_groups: int, n_rows: int) -> NDArray[np.int64]:
    """Return the column of each frequent group, and -1 for the others."""
    frequency = np.zeros(n_groups, np.int64)
    for entries in chunks:
        frequency += np.bincount(entries.groups, minlength=n_groups)
    frequent = frequency > _FREQUENT * max(1, n_rows)
    return np.where(frequent, np.cumsum(frequent) - 1, -1)


def _fill_columns(
    chunks: list[_Entries], unit: int, column_of: NDArray[np.int64]
) -> NDArray[np.uint8]:
    columns = np.zeros((len(chunks), int(column_of.max(initial=-1)) + 1, CHUNK_ROWS), np.uint8)
    for of_chunk, entries in zip(columns, chunks, strict=True):
        column = column_of[entries.groups]
        frequent = column >= 0
        of_chunk[column[frequent], entries.rows[frequent]] = _in_units(entries, unit)[frequent]
    return columns


def _rare(entries: _Entries, unit: int, column_of: NDArray[np.int64]) -> _Postings:
    rare = np.flatnonzero(column_of[entries.groups] < 0)
    rare = rare[np.argsort(entries.groups[rare], kind="stable")]
    starts = np.searchsorted(entries.groups[rare], np.arange(len(column_of) + 1))
    return _Postings(entries.rows[rare], _in_units(entries, unit)[rare], starts)


def _in_units(entries: _Entries, unit: int) -> NDArray[np.uint8]:
    return ((entries.sums.astype(np.int64) + unit - 1) // unit).astype(np.uint8)


def quarter_groups(schema: SbsSchema) -> NDArray[np.int64]:
    """Return the group of each cell, shape (n_cells,): class * 4 + quarter of the picture."""
    side = 1 << schema.levels
    shift = max(0, schema.levels - 1)
    across = np.arange(side) >> shift
    quarters = (across[:, None] * 2 + across).reshape(-1)
    return (np.arange(len(schema.classes)) * 4 + quarters[:, None]).reshape(-1)


def _entries(
    batch: SbsBatch,
    scheme: Scheme,
    group_of: NDArray[np.int64],
    dtype: np.dtype[Any],
) -> list[_Entries]:
    """Return the entries of each chunk: slices of two arrays with room for one entry per cell.

    There are fewer entries than cells; memory that is never written is not allocated by the OS.
    """
    last = int(group_of.max())
    dtypes = np.min_scalar_type(max(last, 256)), dtype
    room = tuple(np.empty(len(batch.cells), t) for t in dtypes)
    work = np.zeros(last + 1, np.int64)
    chunks, first = [], 0
    for part in parts_of(batch, CHUNK_ROWS):
        found = [np.empty(len(part.cells), np.int64) for _ in range(3)]
        groups, weights = group_of[part.cells >> 2], scheme.own(part.cells)
        count = sum_rows(groups, weights, part.offsets, work, *found)
        stored = [column[first : first + count] for column in room]
        for column, new in zip(stored, found[1:], strict=True):
            column[:] = new[:count]
        of_row = np.bincount(found[0][:count], minlength=len(part)).astype(np.uint16)
        chunks.append(_Entries(of_row, *stored))
        first += count
    return chunks


def _sum_dtype(totals: Totals) -> np.dtype[Any]:
    return np.dtype(np.uint16 if totals.max(initial=0) < 2**16 else np.int64)


def _unit(chunks: list[_Entries], totals: Totals) -> int:
    """Return the smallest unit for which group sums fit a byte and totals are at most 2^15 units.

    Half of a total, which a score subtracts from OFFSET = 2^15, is then at most 2^14.
    """
    greatest = max((int(c.sums.max(initial=0)) for c in chunks), default=0)
    return max(1, -(-greatest // 255), -(-int(totals.max(initial=0)) // 2**15))
