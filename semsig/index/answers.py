"""What every index does to search: check what was asked, ask a scan, name the rows by their ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.index.checks import Ids, as_batch, as_ids, check_k, check_radius
from semsig.index.storage.snapshot import Snapshot

BuildScan = Callable[[Any], Any]
"""From a batch, a scan over its rows: one with ``search`` and ``search_radius``."""
Scan = tuple[str, BuildScan] | tuple[str, BuildScan, bool]
"""Name and builder of a scan, and whether it must be whole, for :meth:`Snapshot.scan`."""


def find_nearest(
    snapshot: Snapshot,
    queries: Any,
    k: int,
    within: Ids | None,
    scan: Scan,
    *,
    having: NDArray[np.bool_] | None = None,
    **options: object,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return distances and ids of the `k` nearest rows, shape (Q, k), padded with -1.

    Parameters
    ----------
    snapshot : Snapshot
        What is searched.
    queries, k, within
        As :meth:`semsig.index.HammingIndex.search` has them.
    scan : Scan
        What searches.
    having : ndarray of bool, shape (len(snapshot),), optional
        Other rows are not found either.
    **options
        Passed on to the scan.
    """
    k = check_k(k, len(snapshot))
    batch = as_batch(queries, snapshot.schema)
    allowed = _allowed(snapshot, within, having)
    held = min(k, max(1, len(snapshot)))
    distances, rows = snapshot.scan(*scan).search(batch, held, allowed=allowed, **options)
    return _padded(distances, k), _padded(snapshot.ids_of(rows), k)


def find_within(
    snapshot: Snapshot,
    queries: Any,
    radius: float,
    within: Ids | None,
    scan: Scan,
    *,
    having: NDArray[np.bool_] | None = None,
    **options: object,
) -> list[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Return distances <= `radius` and ids for each query; else as :func:`find_nearest`."""
    radius = check_radius(radius)
    batch = as_batch(queries, snapshot.schema)
    allowed = _allowed(snapshot, within, having)
    found = snapshot.scan(*scan).search_radius(batch, radius, allowed=allowed, **options)
    return [(distances, snapshot.ids_of(rows)) for distances, rows in found]


def _allowed(
    snapshot: Snapshot, within: Ids | None, having: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    named = snapshot.mask(None if within is None else as_ids(within))
    return having if named is None else named if having is None else named & having


def _padded(found: NDArray[Any], k: int) -> NDArray[Any]:
    """Add columns of -1 up to `k`."""
    missing = k - found.shape[1]
    return np.pad(found, ((0, 0), (0, missing)), constant_values=-1) if missing else found
