"""Answers of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Metric = Literal["hamming", "tanimoto", "tanimoto-idf"]
"""Distances between SBS signatures; :mod:`semsig.index.hamming` defines them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One answer of a search over photos.

    Parameters
    ----------
    rank : int
        1 for the nearest.
    id : int
        Id in the index.
    path : str
        The photo, as it was given when indexed.
    distance : float
        Bits for ``"hamming"``; 0..1 for the Tanimoto distances and for conditions alone.
    """

    rank: int
    id: int
    path: str
    distance: float
