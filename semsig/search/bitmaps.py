"""Exact search over bitmaps of frequent bits and posting lists of the others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.bitmaps import (
    CHUNK_ROWS,
    Bitmaps,
    Covers,
    nearest_bitmaps,
    set_bits,
    shared_by_bitmaps,
)
from semsig_kernels.postings import Queries

from semsig.search.counts import DocumentCounts
from semsig.search.exact import ExactScan
from semsig.search.heaps import Chunks, Heaps, empty_heaps, share_out, weigh
from semsig.search.postings import EVERY_ROW, PostingsBuilder, PostingsScan, in_order, slots_of
from semsig.search.scans import Distances
from semsig.search.scoring import bit_frequency, distances_of, parts_of
from semsig.types import SbsBatch
from semsig.types.metrics import METRICS, Metric

_FREQUENT = 0.03
"""A bit that more than this share of the rows have gets a bitmap."""
_MOST_SHARED = 2**16
"""Weights of rows must be less than this, as shared weights are summed in uint16."""


class BitmapsScan(ExactScan):
    """Exact search over bitmaps for cells that many rows have, posting lists for the others.

    The fastest scan for large k, and its time hardly depends on k. It takes about 470 bytes per
    row in addition to the batch. Metrics with other weights (``"tanimoto-idf"``, ``"jaccard"``)
    are answered by a :class:`PostingsScan`.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search.
    """

    def __init__(self, batch: SbsBatch, counts: DocumentCounts | None = None) -> None:
        super().__init__(batch, counts)
        self._covered = _cover(batch)
        self._bitmaps = _build(batch, self._covered)

    def _nearest(
        self, queries: SbsBatch, k: int, metric: Metric, allowed: NDArray[np.bool_] | None
    ) -> tuple[Distances, NDArray[np.int64]]:
        if self._is_for_postings(metric):
            return self._postings.search(queries, k, metric=metric, allowed=allowed)
        mask = EVERY_ROW if allowed is None else allowed
        held = min(k, max(1, len(self)))
        asked, totals = self._asked(queries, metric), self._ranking_totals(metric)
        ratio = METRICS[metric].form == "ratio"

        def scan(part: Queries, chunks: Chunks) -> Heaps:
            heaps = empty_heaps(len(part.totals), held)
            rest, covers = self._split(part)
            nearest_bitmaps(self._bitmaps, rest, covers, chunks, totals, ratio, mask, *heaps)
            return heaps

        heaps = share_out(asked, len(self), CHUNK_ROWS, scan)
        return self._answer(heaps, k, asked, metric)

    def _distances(self, queries: SbsBatch, metric: Metric) -> Iterator[Distances]:
        if self._is_for_postings(metric):
            yield from self._postings._distances(queries, metric)
            return
        weighed, totals = weigh(queries, self._scheme(metric)), self._totals(metric)
        rest, covers = self._split(weighed)
        for q in range(len(queries)):
            shared = np.zeros(-(-len(self) // CHUNK_ROWS) * CHUNK_ROWS, np.uint16)
            shared_by_bitmaps(self._bitmaps, rest, covers, q, shared)
            found, total = shared[: len(self)].astype(np.int64), int(weighed.totals[q])
            yield distances_of(found, total, totals, METRICS[metric].form)

    def _split(self, queries: Queries) -> tuple[Queries, Covers]:
        rest, covers = self._covered.split(queries)
        return in_order(rest, self._batch.schema), covers

    def _is_for_postings(self, metric: Metric) -> bool:
        """Whether the weights are not those of the bitmaps, or their sums may exceed 16 bits.

        A shared weight is at most the weight of the row, so the heaviest row decides.
        """
        heaviest = int(self._totals(metric).max(initial=0))
        return not METRICS[metric].bitmaps or heaviest >= _MOST_SHARED

    @cached_property
    def _postings(self) -> PostingsScan:
        return PostingsScan(self._batch, self._counts)


class _Covered(NamedTuple):
    """The cells that have bitmaps, ascending, with their first bitmap and their number of bitmaps.

    All arrays have shape (F,). The last cell is a sentinel without bitmaps.
    """

    cells: NDArray[np.int64]
    firsts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def of(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first bitmap of each cell and how many it has, both shape (n,)."""
        at = np.searchsorted(self.cells, cells)
        sizes = np.where(self.cells[at] == cells, self.sizes[at], 0)
        return self.firsts[at], sizes

    def split(self, queries: Queries) -> tuple[Queries, Covers]:
        """Split queries into the part that posting lists add, and the part that bitmaps cover.

        The bitmaps of a cell count 2 for level 1 and 1 for each further level that they cover;
        the posting lists add the remaining weight to rows above these levels.
        """
        first, last = queries.offsets[0], queries.offsets[-1]
        codes, weights = queries.codes[first:last], queries.weights[first:last]
        firsts, sizes = self.of(codes >> 2)
        levels = (codes & 3) + 1
        left = levels > sizes
        counted = np.where(sizes > 0, sizes + 1, 0)[left, None]
        before = np.concatenate([[0], np.cumsum(left)])
        offsets = queries.offsets - first
        rest = Queries(
            codes[left], np.maximum(weights[left] - counted, 0), before[offsets], queries.totals
        )
        return rest, Covers(firsts, sizes, offsets, levels)


def _cover(batch: SbsBatch) -> _Covered:
    """Assign a bitmap to every frequent bit; numbers start at 1, as bitmap 0 is empty.

    A higher level never is more frequent than a lower one, so a cell's bitmaps are its lowest
    levels.
    """
    cells, frequency = bit_frequency(batch)
    sizes = (frequency > _FREQUENT * max(1, len(batch))).sum(axis=1)
    cells = np.append(cells[sizes > 0], np.iinfo(np.int64).max)
    sizes = np.append(sizes[sizes > 0], 0)
    return _Covered(cells, 1 + np.cumsum(sizes) - sizes, sizes)


def _build(batch: SbsBatch, covered: _Covered) -> Bitmaps:
    n_bitmaps = 1 + int(covered.sizes.sum())
    n_chunks = -(-len(batch) // CHUNK_ROWS)
    words = np.zeros((n_chunks, n_bitmaps, CHUNK_ROWS // 64), np.uint64)
    postings = PostingsBuilder(batch)
    for of_chunk, part in zip(words, parts_of(batch, CHUNK_ROWS), strict=True):
        slots, cells = slots_of(part)
        left = np.empty(len(slots), np.bool_)
        set_bits(slots, part.offsets, *covered.of(cells), of_chunk, left)
        before = np.concatenate([[0], np.cumsum(left)])
        postings.add(slots[left], before[part.offsets], cells)
    return Bitmaps(words, postings.build())
