"""Exact nearest neighbours among signatures, in memory and on disk."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from semsig.search.counts import DocumentCounts
from semsig.search.hamming import HammingIndex
from semsig.search.l2 import L2Index
from semsig.search.merge import Merged, merge, merge_radius
from semsig.search.pooled import PooledIndex
from semsig.storage.folder import is_unused
from semsig.storage.verify import Damage, VerifyReport, verify_index

if TYPE_CHECKING:
    from semsig.search.dense import BitIndex
    from semsig.search.rerank import Reranker

__all__ = [
    "BitIndex",
    "Damage",
    "DocumentCounts",
    "HammingIndex",
    "L2Index",
    "Merged",
    "PooledIndex",
    "Reranker",
    "VerifyReport",
    "is_unused",
    "merge",
    "merge_radius",
    "verify_index",
]

_LAZY = {"BitIndex": "semsig.search.dense", "Reranker": "semsig.search.rerank"}


def __getattr__(name: str) -> object:
    """Import modules that need Numba on first use, so that opening an index is fast (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module 'semsig.search' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
