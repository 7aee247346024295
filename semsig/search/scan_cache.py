"""Keep scans across changes of an index.

Building a scan over all rows takes longer than many searches, so scans are reused after a change:
remaining rows keep their scan, removed rows are masked in it, and new rows get a scan of their
own. Sizes decrease geometrically from the first scan to the last (as in a log-structured merge
tree), so that there are few scans, and each row is built into a scan only a few times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.storage.segment import Segment
from semsig.storage.snapshot import Snapshot

Segments = tuple[Segment, ...]

LEAST_ROWS = 128
"""Fewer new rows count as this many, as building such a small scan takes about as long."""
GROWTH = 8
"""A scan has more than this many times the rows of the next one; otherwise both are merged."""
MOST_DEAD = 0.25
"""Share of a scan's rows that may be removed before it is rebuilt."""


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """A scan over those rows of some segments that were live when it was built."""

    segments: Segments
    scan: Any
    dead: NDArray[np.int64]
    """Rows of the scan that have been removed since, ascending."""

    @property
    def n_built(self) -> int:
        """Number of rows of the scan."""
        return sum(map(len, self.segments))

    @property
    def n_live(self) -> int:
        """Number of rows of the scan that are still live."""
        return self.n_built - len(self.dead)

    def later(self, segments: Segments) -> tuple[Part, int]:
        """Return the part updated to `segments`, and how many of these (the first) it covers."""
        gone, first, count = [np.zeros(0, np.int64)], 0, 0
        for was in self.segments:
            if count < len(segments) and _is_of(segments[count], was):
                alive = segments[count].alive[was.alive]
                count += 1
            else:
                alive = np.zeros(len(was), np.bool_)
            gone.append(first + np.flatnonzero(~alive))
            first += len(was)
        return Part(self.segments, self.scan, np.concatenate(gone)), count


def _is_of(now: Segment, was: Segment) -> bool:
    """Whether two segments hold the same rows, and no dead row became live again."""
    return now is was or (now.ids is was.ids and not (now.alive > was.alive).any())


class ScanCache:
    """The newest scans of an index, by name, and the snapshot that each was made for."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Part]] = {}
        self._made: dict[str, tuple[Snapshot, Any]] = {}
        self._lock = Lock()

    def over(
        self, name: str, snapshot: Snapshot, build: Callable[[Any], Any], *, whole: bool
    ) -> Any:
        """Return a scan over the live rows of a snapshot.

        Parameters
        ----------
        name : str
            Identifies `build`: the same for all scans that it could make.
        snapshot : Snapshot
            The rows to search.
        build : callable
            Makes a scan from a batch.
        whole : bool
            Whether one scan must cover exactly the live rows; otherwise scans from before the
            last changes may be reused.
        """
        with self._lock:
            made, scan = self._made.get(name, (None, None))
            if made is snapshot and not (whole and isinstance(scan, JoinedScan)):
                return scan
            parts = _renewed(
                self._parts.get(name, []),
                snapshot.segments,
                lambda segments: build(replace(snapshot, segments=segments).batch()),
                whole=whole,
            )
            scan = parts[0].scan if _is_whole(parts) else JoinedScan(parts)
            self._parts[name], self._made[name] = parts, (snapshot, scan)
            return scan


def _is_whole(parts: Sequence[Part]) -> bool:
    return len(parts) == 1 and not len(parts[0].dead)


def _renewed(
    parts: Sequence[Part],
    segments: Segments,
    build: Callable[[Segments], Any],
    *,
    whole: bool,
) -> list[Part]:
    """Return parts that cover the live rows of `segments`, reusing old scans where possible.

    The old scans are kept up to the first with too many dead rows. Then the last ones are merged
    with the new rows for as long as they are not more than GROWTH times as large.
    """
    kept, starts, end = [], [0], 0
    for part in parts:
        now, count = part.later(segments[end:])
        if len(now.dead) > MOST_DEAD * now.n_built:
            break
        kept.append(now)
        end += count
        starts.append(end)
    if whole and not (_is_whole(kept) and end == len(segments)):
        kept, end = [], 0
    n_new = sum(map(len, segments[end:]))
    while n_new and kept and kept[-1].n_live <= GROWTH * max(n_new, LEAST_ROWS):
        n_new += kept.pop().n_live
        end = starts[len(kept)]
    if n_new or not kept:
        kept.append(Part(segments[end:], build(segments[end:]), np.zeros(0, np.int64)))
    return kept


class JoinedScan:
    """Exact search over several scans; its rows are their live rows, concatenated.

    Parameters
    ----------
    parts : sequence of Part
        The scans.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        ends = np.cumsum([0, *(part.n_live for part in parts)]).tolist()
        self._parts = list(zip(parts, ends[:-1], ends[1:], strict=True))

    def search(
        self, queries: Any, k: int, *, allowed: NDArray[np.bool_] | None = None, **options: Any
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Find the k nearest rows to each query: merge those of each scan."""
        found = []
        for part, first, last in self._parts:
            mask = _mask(part, None if allowed is None else allowed[first:last])
            most = min(k, part.n_built)
            distances, rows = part.scan.search(queries, most, allowed=mask, **options)
            found.append((distances, np.where(rows < 0, -1, first + _live_rows(part, rows))))
        distances, rows = (np.concatenate(arrays, axis=1) for arrays in zip(*found, strict=True))
        order = np.lexsort((rows, np.where(rows < 0, np.inf, distances)))[:, :k]
        return np.take_along_axis(distances, order, 1), np.take_along_axis(rows, order, 1)

    def search_radius(
        self,
        queries: Any,
        radius: float,
        *,
        allowed: NDArray[np.bool_] | None = None,
        **options: Any,
    ) -> list[tuple[NDArray[Any], NDArray[np.int64]]]:
        """Find every row at a distance of at most `radius`: merge those of each scan."""
        by_part = []
        for part, first, last in self._parts:
            mask = _mask(part, None if allowed is None else allowed[first:last])
            answers = part.scan.search_radius(queries, radius, allowed=mask, **options)
            by_part.append([(d, first + _live_rows(part, rows)) for d, rows in answers])
        return [_in_order(answers) for answers in zip(*by_part, strict=True)]


def _mask(part: Part, allowed: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Return a mask over the rows of a scan, from a mask over its live rows."""
    if not len(part.dead):
        return allowed
    alive = np.ones(part.n_built, np.bool_)
    alive[part.dead] = False
    if allowed is not None:
        alive[alive] = allowed
    return alive


def _live_rows(part: Part, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Renumber rows of a scan among its live rows: subtract the dead rows before each."""
    return rows - np.searchsorted(part.dead, rows)


def _in_order(
    answers: Sequence[tuple[NDArray[Any], NDArray[np.int64]]],
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    distances, rows = (np.concatenate(arrays) for arrays in zip(*answers, strict=True))
    order = np.argsort(distances, kind="stable")
    return distances[order], rows[order]
