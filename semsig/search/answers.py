"""An index that is searched: check what is asked, ask a scan, name the rows by their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig.search.checks import check_k, check_radius
from semsig.search.scan_cache import ScanCache
from semsig.storage.checks import Ids, as_batch
from semsig.storage.collection import Batch, Schema, Signature, SignatureCollection
from semsig.storage.snapshot import Snapshot


class Scanning(NamedTuple):
    """How an index is searched.

    `build` makes, from a batch, a scan over its rows: one with ``search`` and ``search_radius``;
    `name` is the same for all scans that it could build. `whole` says whether one scan must have
    all rows. `options` go to each search of the scan. `scans` keeps those that are built, the
    index's own cache by default.
    """

    name: str
    build: Callable[[Any], Any]
    whole: bool = False
    options: Mapping[str, Any] = {}
    scans: ScanCache | None = None


class SearchedCollection(
    SignatureCollection[Schema, Signature, Batch], Generic[Schema, Signature, Batch]
):
    """Signatures of one schema and the scans that search them; for its parameters see there."""

    def __init__(
        self, schema: Schema, *, meta: Mapping[str, str] | None = None, first_id: int = 0
    ) -> None:
        super().__init__(schema, meta=meta, first_id=first_id)
        self._scans = ScanCache()

    def _find_nearest(
        self,
        snapshot: Snapshot,
        queries: Any,
        k: int,
        filter_ids: Ids | None,
        scanning: Scanning,
        having: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return distances and ids of the `k` nearest rows, shape (Q, k), padded with -1.

        Parameters
        ----------
        snapshot : Snapshot
            What is searched.
        queries, k, filter_ids
            As :meth:`semsig.search.HammingIndex.search` has them.
        scanning : Scanning
            What searches.
        having : ndarray of bool, shape (len(snapshot),), optional
            Other rows are not found either.
        """
        k = check_k(k, len(snapshot))
        batch = as_batch(queries, snapshot.schema)
        allowed = _allowed(snapshot, filter_ids, having)
        held = min(k, max(1, len(snapshot)))
        scan = self._scan(snapshot, scanning)
        distances, rows = scan.search(batch, held, allowed=allowed, **scanning.options)
        return _padded(distances, k), _padded(snapshot.ids_of(rows), k)

    def _find_within(
        self,
        snapshot: Snapshot,
        queries: Any,
        radius: float,
        filter_ids: Ids | None,
        scanning: Scanning,
        having: NDArray[np.bool_] | None = None,
    ) -> list[tuple[NDArray[Any], NDArray[np.int64]]]:
        """Return distances <= `radius` and ids for each query; else as :meth:`_find_nearest`."""
        radius = check_radius(radius)
        batch = as_batch(queries, snapshot.schema)
        allowed = _allowed(snapshot, filter_ids, having)
        scan = self._scan(snapshot, scanning)
        found = scan.search_radius(batch, radius, allowed=allowed, **scanning.options)
        return [(distances, snapshot.ids_of(rows)) for distances, rows in found]

    def _scan(self, snapshot: Snapshot, scanning: Scanning) -> Any:
        scans = self._scans if scanning.scans is None else scanning.scans
        return scans.over(scanning.name, snapshot, scanning.build, whole=scanning.whole)


def _allowed(
    snapshot: Snapshot, filter_ids: Ids | None, having: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    named = snapshot.mask(filter_ids)
    return having if named is None else named if having is None else named & having


def _padded(found: NDArray[Any], k: int) -> NDArray[Any]:
    """Add columns of -1 up to `k`."""
    missing = k - found.shape[1]
    return np.pad(found, ((0, 0), (0, missing)), constant_values=-1) if missing else found
