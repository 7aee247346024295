"""Exact nearest neighbours among signatures, in memory and on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semsig.index.hamming import HammingIndex
from semsig.index.storage import is_unused
from semsig.index.verify import Damage, VerifyReport, verify_index

if TYPE_CHECKING:
    from semsig.index.dense import BitIndex

__all__ = ["BitIndex", "Damage", "HammingIndex", "VerifyReport", "is_unused", "verify_index"]


def __getattr__(name: str) -> object:
    """Import what needs Numba on first use, so that opening an index stays fast (PEP 562)."""
    if name != "BitIndex":
        raise AttributeError(f"module 'semsig.index' has no attribute {name!r}")
    from semsig.index.dense import BitIndex

    return BitIndex
