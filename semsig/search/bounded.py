"""Exact search that rules out most rows by class sums over quarters of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from semsig_kernels.bounds import nearest_bounded
from semsig_kernels.compare import Rows, shared_with_rows
from semsig_kernels.postings import Queries
from semsig_kernels.sums import CHUNK_ROWS, OFFSET, Sums

from semsig.search.exact import ExactScan
from semsig.search.heaps import Chunks, Heaps, empty_heaps, share_out, weigh
from semsig.search.scans import Distances
from semsig.search.scoring import Totals, distances_of, within
from semsig.search.sums import build_sums
from semsig.types import SbsBatch
from semsig.types.metrics import METRICS, Metric

_FIRST_K = 64
"""k of the first step of a radius search, and always small enough to search by bounds."""
_ROWS_A_NEIGHBOUR = 64
"""Bounds are used for k up to N divided by this."""


class BoundedScan(ExactScan):
    """Exact search by lower bounds: only rows that group sums cannot rule out are compared in full.

    The fastest scan for k up to about N / 500. It takes about 150 bytes per row in addition to
    the batch, and about 12 bytes per cell of the schema.

    Parameters
    ----------
    batch : SbsBatch
        The N signatures to search.
    """

    def _nearest(
        self, queries: SbsBatch, k: int, metric: Metric, allowed: NDArray[np.bool_] | None
    ) -> tuple[Distances, NDArray[np.int64]]:
        if self._is_many(k) or self._has_no_scores(metric):
            return super()._nearest(queries, k, metric, allowed)
        asked, ratio = self._asked(queries, metric), METRICS[metric].form == "ratio"
        sums, rows = self._sums(metric), self._rows(metric, allowed)
        held = min(k, max(1, len(self)))

        def scan(part: Queries, chunks: Chunks) -> Heaps:
            heaps = empty_heaps(len(part.totals), held)
            table = self._table(metric)
            nearest_bounded(sums, rows, part, chunks, ratio, table, *heaps)
            return heaps

        heaps = share_out(asked, len(self), CHUNK_ROWS, scan)
        return self._answer(heaps, k, asked, metric)

    def search_radius(
        self,
        queries: SbsBatch,
        radius: float,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Find every row at a distance of at most `radius`; see :meth:`ExactScan.search_radius`.

        It searches for ever more neighbours until the last one is outside the radius, or until
        comparing all rows is faster.
        """
        self._check(queries, metric, allowed)
        answers = []
        for query in queries:
            one = SbsBatch.of([query])
            answers.append(self._grow(one, radius, metric, allowed))
        return answers

    def _grow(
        self, query: SbsBatch, radius: float, metric: Metric, allowed: NDArray[np.bool_] | None
    ) -> tuple[Distances, NDArray[np.int64]]:
        k = _FIRST_K
        while not self._is_many(k):
            (distances,), (rows,) = self._nearest(query, k, metric, allowed)
            near = (distances <= radius) & (rows >= 0)
            if not near[-1]:
                return distances[near], rows[near]
            k *= 4
        (distances,) = self._distances(query, metric)
        return within(distances, radius, allowed)

    def _is_many(self, k: int) -> bool:
        """Whether comparing all rows is faster for k neighbours."""
        return k > max(_FIRST_K, len(self) // _ROWS_A_NEIGHBOUR)

    def _has_no_scores(self, metric: Metric) -> bool:
        """Whether scores could exceed 16 bits, see :meth:`_sums`; all rows are then compared."""
        return METRICS[metric].form == "lack" and 4 * len(self._batch.schema.classes) >= OFFSET // 2

    def _distances(self, queries: SbsBatch, metric: Metric) -> Iterator[Distances]:
        rows, weighed = self._rows(metric, None), weigh(queries, self._scheme(metric))
        table = self._table(metric)
        for q in range(len(queries)):
            shared = np.empty(len(self), np.int64)
            shared_with_rows(rows, weighed, q, table, shared)
            total = int(weighed.totals[q])
            yield distances_of(shared, total, self._totals(metric), METRICS[metric].form)

    def _rows(self, metric: Metric, allowed: NDArray[np.bool_] | None) -> Rows:
        rows = self._once(
            "rows", metric, lambda: as_rows(self._batch, self._ranking_totals(metric))
        )
        return rows if allowed is None else rows._replace(allowed=allowed)

    def _table(self, metric: Metric) -> NDArray[np.uint8] | NDArray[np.int64]:
        n_slots = 4 * self._batch.schema.n_cells
        heavy = METRICS[metric].weights == "idf"
        return np.zeros(n_slots, np.int64) if heavy else np.zeros(n_slots, np.uint8)

    def _sums(self, metric: Metric) -> Sums:
        """Return the group sums for a metric; metrics with the same weights share them."""
        entry = METRICS[metric]
        scheme, totals = self._scheme(metric), self._totals(metric)
        sums = self._once("sums", entry.weights, lambda: build_sums(self._batch, scheme, totals))
        if entry.form != "lack":
            return sums

        def build() -> Sums:
            # A score is now OFFSET + the shared sums, without half of the row's own weight
            # subtracted: at most OFFSET + weight / unit + 1 per group for rounding up. The unit
            # ensures weight / unit <= 2^14 here, and there are fewer than 2^14 groups: < 2^16.
            fits = 2 * int(totals.max(initial=0)) <= OFFSET * sums.unit
            return _from_nothing(
                sums if fits else build_sums(self._batch, scheme, 2 * totals), len(self)
            )

        return self._once("sums", metric, build)


def _from_nothing(sums: Sums, n_rows: int) -> Sums:
    """Return sums that score rows as if their own weight were 0."""
    starts = np.zeros_like(sums.starts)
    starts.reshape(-1)[:n_rows] = OFFSET
    return sums._replace(starts=starts)


def as_rows(batch: SbsBatch, totals: Totals) -> Rows:
    """Return the rows of a batch in the form that the kernels take, all allowed."""
    cells: NDArray[Any] = np.asarray(batch.cells, batch.schema.cell_dtype)[:]
    offsets = np.asarray(batch.offsets, np.int64)[:]
    cells.flags.writeable = offsets.flags.writeable = False
    return Rows(cells, offsets, totals, int(totals.max(initial=0)), np.zeros(0, np.bool_))
