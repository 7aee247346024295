"""Search in an index: check the arguments, run a scan, and translate rows to ids."""

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

    `build` makes a scan, with methods ``search`` and ``search_radius``, over the rows of a batch;
    `name` identifies it in the cache. If `whole` is set, one scan must cover all rows. `options`
    are passed to each search of the scan. `scans` is the cache of scans, the index's own by
    default.
    """

    name: str
    build: Callable[[Any], Any]
    whole: bool = False
    options: Mapping[str, Any] = {}
    scans: ScanCache | None = None


class SearchedCollection(
    SignatureCollection[Schema, Signature, Batch], Generic[Schema, Signature, Batch]
):
    """Signatures of one schema, and the scans that search them.

    Parameters are those of :class:`SignatureCollection`.
    """

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
            The rows to search.
        queries, k, filter_ids
            As for :meth:`semsig.search.HammingIndex.search`.
        scanning : Scanning
            How to search.
        having : ndarray of bool, shape (len(snapshot),), optional
            A further filter: rows that may be found.
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
        """Return distances <= `radius` and ids for each query, as in :meth:`_find_nearest`."""
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
    """Pad to `k` columns with -1."""
    missing = k - found.shape[1]
    return np.pad(found, ((0, 0), (0, missing)), constant_values=-1) if missing else found
