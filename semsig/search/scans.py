"""Scans by name: the only module that lists them."""

from __future__ import annotations

from importlib import import_module
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.search.counts import DocumentCounts
from semsig.types import SbsBatch
from semsig.types.metrics import Metric

ScanName = Literal["auto", "bitmaps", "bounded", "postings", "dense"]
"""Search algorithm: every scan gives the same answers; ``"auto"`` selects the fastest."""

_SCANS = {
    "auto": ("semsig.search.auto", "AutoScan"),
    "bitmaps": ("semsig.search.bitmaps", "BitmapsScan"),
    "bounded": ("semsig.search.bounded", "BoundedScan"),
    "postings": ("semsig.search.postings", "PostingsScan"),
    "dense": ("semsig.search.dense", "DenseScan"),
}

Distances = NDArray[np.int32] | NDArray[np.float32]
"""int32 for ``"hamming"``, a number of bits; float32 in 0..1 for the others."""


class Scan(Protocol):
    """Exact search over the rows 0..N-1 of a batch."""

    def search(
        self,
        queries: SbsBatch,
        k: int,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> tuple[Distances, NDArray[np.int64]]:
        """Return distances and rows, shape (Q, k), ascending, ties by row, padded with -1."""
        ...

    def search_radius(
        self,
        queries: SbsBatch,
        radius: float,
        *,
        metric: Metric = "hamming",
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[tuple[Distances, NDArray[np.int64]]]:
        """Return, for each query, distances <= radius and their rows, ascending."""
        ...


def new_scan(name: str, batch: SbsBatch, counts: DocumentCounts | None = None) -> Scan:
    """Build a scan by its name; its module, and with it Numba, is imported on first use.

    `counts` are the document counts for idf weights, the batch's own by default.

    Raises
    ------
    OptionError
        If there is no such scan, or it cannot search such signatures.
    """
    if not isinstance(name, str) or name not in _SCANS:
        known = ", ".join(map(repr, _SCANS))
        raise OptionError(f"Expected a scan of {known}; got {name!r}.")
    module, scan_class = _SCANS[name]
    scan: Scan = getattr(import_module(module), scan_class)(batch, counts)
    return scan
