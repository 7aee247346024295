"""Exact search that looks into few blocks of similar rows only."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.bisection import SparseSums
from semsig_kernels.blocks import (
    BLOCK_ROWS,
    HEAD_CLASSES,
    HEAD_RANKS,
    LINE_WORDS,
    MOST_CLASSES,
    Blocks,
    fill_blocks,
    mark_classes,
)
from semsig_kernels.nearest_blocks import nearest_in_blocks
from semsig_kernels.postings import Queries
from semsig_kernels.sums import OFFSET
from semsig_kernels.threads import run_split

from semsig.search.bounded import BoundedScan
from semsig.search.heaps import Chunks, Heaps, empty_heaps, share_out
from semsig.search.ordering import similar_order, sparse_sums
from semsig.search.scans import Distances
from semsig.search.scoring import Scheme, Totals
from semsig.search.sums import quarter_groups, sum_dtype
from semsig.types import SbsBatch
from semsig.types.metrics import METRICS, Metric

CHUNK_BLOCKS = 2048
"""Blocks of a chunk, a multiple of 64."""
_SUMS_AT_ONCE = 2**20


class Looked(NamedTuple):
    """How much of what there is a search looked at, summed over its queries."""

    blocks: int
    rows: int


class BlocksScan(BoundedScan):
    """Exact search that looks into the blocks of 16 similar rows that bounds do not rule out.

    The fastest for few neighbours among some 100,000 rows and more. Building orders all rows.
    Takes some 220 bytes a row beside the batch. Over tables of more than MOST_CLASSES classes,
    for many neighbours, and for queries that weigh too much, it answers as :class:`BoundedScan`.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search.
    chunk_blocks : int
        For tests.
    """

    def __init__(self, batch: SbsBatch, *, chunk_blocks: int = CHUNK_BLOCKS) -> None:
        super().__init__(batch)
        self._chunk_blocks = chunk_blocks
        self.looked = Looked(0, 0)

    def _nearest(
        self, queries: SbsBatch, k: int, metric: Metric, allowed: NDArray[np.bool_] | None
    ) -> tuple[Distances, NDArray[np.int64]]:
        if self._is_many(k) or len(self._batch.schema.classes) > MOST_CLASSES or not len(self):
            return super()._nearest(queries, k, metric, allowed)
        asked, ratio = self._asked(queries, metric), METRICS[metric].form == "ratio"
        blocks, rows = self._blocks(metric), self._rows(metric, allowed)
        if asked.totals.max(initial=0) // blocks.unit + len(blocks.tops[0]) >= OFFSET:
            return super()._nearest(queries, k, metric, allowed)
        held, looked = min(k, len(self)), np.zeros(2, np.int64)

        def scan(part: Queries, chunks: Chunks) -> Heaps:
            heaps = empty_heaps(len(part.totals), held)
            table, count = self._table(metric), np.zeros(2, np.int64)
            nearest_in_blocks(blocks, rows, part, chunks, ratio, table, *heaps, count)
            looked[:] += count
            return heaps

        heaps = share_out(asked, len(self), BLOCK_ROWS * self._chunk_blocks, scan)
        self.looked = Looked(*looked.tolist())
        return self._answer(heaps, k, asked, metric)

    @cached_property
    def _order(self) -> NDArray[np.int32]:
        return similar_order(self._batch, BLOCK_ROWS)

    def _blocks(self, metric: Metric) -> Blocks:
        """Return the blocks of a metric's weights; those of flat weights serve several metrics."""
        entry = METRICS[metric]
        blocks = self._once(
            "blocks",
            entry.weights,
            lambda: build_blocks(
                self._batch,
                self._order,
                self._scheme(metric),
                self._totals(metric),
                self._chunk_blocks,
            ),
        )
        if entry.form != "lack":
            return blocks
        return self._once("blocks", metric, lambda: _weightless(blocks))


def _weightless(blocks: Blocks) -> Blocks:
    """Return blocks whose rows score as if they weighed nothing themselves."""
    starts = np.where(blocks.starts > 0, OFFSET, 0).astype(np.uint16)
    return blocks._replace(
        starts=starts,
        mask=0,
        lightest=np.zeros_like(blocks.lightest),
        weights=np.zeros_like(blocks.weights),
    )


def build_blocks(
    batch: SbsBatch,
    order: NDArray[np.int32],
    scheme: Scheme,
    totals: Totals,
    chunk_blocks: int,
) -> Blocks:
    """Sum the weights of rows in a given order by group and block; `totals` are the rows' own."""
    group_of, n_classes = quarter_groups(batch.schema), len(batch.schema.classes)
    exact = sparse_sums(batch, group_of, scheme, sum_dtype(totals))
    of_rows, unit = _in_units(exact, totals)
    n_chunks = -(-len(order) // (BLOCK_ROWS * chunk_blocks))
    # Rounded down: a lower bound of the distance. Rows beyond the last outweigh all others.
    weights = _whole_blocks((totals // unit)[order] & ~1, 2**15)
    by_block = weights.reshape(-1, BLOCK_ROWS)
    least = by_block.min(axis=1)
    more = np.minimum((by_block - least[:, None]) // 2, 255).astype(np.uint8)
    first, lines = _heads(order, of_rows, more)
    tops = _zeros((n_chunks, 4 * n_classes, chunk_blocks), np.uint8)

    def fill(begin: int, end: int) -> None:
        for chunk in range(begin, end):
            held = slice(chunk * chunk_blocks, (chunk + 1) * chunk_blocks)
            rows = order[held.start * BLOCK_ROWS : held.stop * BLOCK_ROWS]
            fill_blocks(rows, of_rows, first[held], lines, lines.view(np.uint8), tops[chunk])

    run_split(n_chunks, fill)
    lightest = np.zeros(n_chunks * chunk_blocks, np.int32)
    lightest[: len(least)] = least
    starts = np.zeros(len(lightest), np.uint16)
    starts[: len(least)] = OFFSET - least // 2
    return Blocks(
        group_of=group_of,
        unit=unit,
        tops=tops,
        lightest=lightest,
        starts=starts.reshape(n_chunks, chunk_blocks),
        first=first,
        lines=lines,
        head_bytes=lines.view(np.uint8),
        mask=255,
        weights=(least[:, None] + 2 * more.astype(np.int32)).reshape(-1),
        order=_whole_blocks(order, -1),
    )


def _heads(
    order: NDArray[np.int32], of_rows: SparseSums, more: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """Return the first line of each block, and all lines, of which only heads are filled in."""
    present = np.zeros((len(more), MOST_CLASSES // 64), np.uint64)
    mark_classes(order, of_rows, present)
    counts = np.bitwise_count(present).astype(np.int64)
    n_lines = 1 + counts.sum(axis=1)
    # The line of zeros is before them all.
    first = 1 + np.cumsum(n_lines) - n_lines
    lines = _zeros((1 + int(n_lines.sum()), LINE_WORDS), np.uint64)
    lines[first, :HEAD_CLASSES] = more.view(np.uint64)
    lines[first, HEAD_CLASSES:HEAD_RANKS] = present
    ranks = (np.cumsum(counts, axis=1) - counts).astype(np.uint64)
    lines[first, HEAD_RANKS] = (ranks << np.arange(0, 32, 8).astype(np.uint64)).sum(axis=1)
    return first.astype(np.int32), lines.reshape(-1)


def _whole_blocks(values: NDArray[np.integer], beyond: int) -> NDArray[np.int32]:
    """Return values up to the end of the last block."""
    missing = -len(values) % BLOCK_ROWS
    return np.pad(values.astype(np.int32), (0, missing), constant_values=beyond)


def _in_units(of_rows: SparseSums, totals: Totals) -> tuple[SparseSums, int]:
    """Return sums as bytes, rounded up, in the least unit by which they and totals fit."""
    greatest, heaviest = int(of_rows.sums.max(initial=0)), int(totals.max(initial=0))
    unit = max(1, -(-greatest // 255), -(-heaviest // 2**15))
    sums = np.empty(len(of_rows.sums), np.uint8)
    for first in range(0, len(sums), _SUMS_AT_ONCE):
        part = slice(first, first + _SUMS_AT_ONCE)
        sums[part] = (of_rows.sums[part].astype(np.int64) + unit - 1) // unit
    return of_rows._replace(sums=sums), unit


def _zeros(shape: tuple[int, ...], dtype: type[np.integer]) -> NDArray[Any]:
    """Return zeros in huge pages, which NumPy asks for in `empty`, not in `zeros`.

    Lines are read here and there: a page of 4 kB each would cost more to find than to read.
    """
    array = np.empty(shape, dtype)
    array.fill(0)
    return array
