"""Search engines by name: the one place that knows which there are."""

from __future__ import annotations

from importlib import import_module
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.metrics import Metric
from semsig.types import SbsBatch

Engine = Literal["auto", "bitmaps", "bounded", "postings", "dense"]
"""How to search: every engine gives the same answers; ``"auto"`` takes the fastest."""

_ENGINES = {
    "auto": ("semsig.index.auto", "AutoScan"),
    "bitmaps": ("semsig.index.bitmaps", "BitmapsScan"),
    "bounded": ("semsig.index.bounded", "BoundedScan"),
    "postings": ("semsig.index.postings", "PostingsScan"),
    "dense": ("semsig.index.dense", "DenseScan"),
}

Distances = NDArray[np.int32] | NDArray[np.float32]
"""int32 bits for ``"hamming"``; float32 in 0..1 for the others."""


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


def new_scan(engine: str, batch: SbsBatch) -> Scan:
    """Build the scan of an engine; its module, and Numba, are imported on first use.

    Raises
    ------
    OptionError
        If there is no such engine, or it cannot search such signatures.
    """
    if engine not in _ENGINES:
        known = ", ".join(repr(name) for name in _ENGINES)
        raise OptionError(f"engine is one of {known}; {engine!r} came.")
    module, name = _ENGINES[engine]
    scan: Scan = getattr(import_module(module), name)(batch)
    return scan
