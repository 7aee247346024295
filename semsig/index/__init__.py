"""Exact nearest neighbours among signatures, in memory and on disk."""

from semsig.index.hamming import HammingIndex
from semsig.index.verify import Damage, VerifyReport, verify_index

__all__ = ["Damage", "HammingIndex", "VerifyReport", "verify_index"]
