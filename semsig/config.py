"""Options of the stages that have no module of their own to keep them in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError

SignatureName = Literal["sbs", "sbovp", "pooled", "fused"]
"""What photos are compared by: blocks of classes, visual phrases, pooled descriptors of the
network's features, or blocks and phrases together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexingOptions:
    """How photos are put into an index.

    Parameters
    ----------
    workers : int, optional
        Photos that are decoded, segmented and encoded at the same time, 1 to 1024; one a core
        by default.
    rehash : bool
        Read every photo to tell whether it changed, instead of trusting size and time of change.
    commit_every : int
        Photos after which the index on disk is brought up to date, at least 1.
    commit_seconds : float
        Seconds after which it is, if that comes first; not negative.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    workers: int | None = None
    rehash: bool = False
    commit_every: int = 256
    commit_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= 1024:
            raise OptionError(f"workers must be 1 to 1024; {self.workers} came.")
        if self.commit_every < 1:
            raise OptionError(f"commit_every must be at least 1; {self.commit_every} came.")
        if not self.commit_seconds >= 0:
            raise OptionError(f"commit_seconds must not be negative; {self.commit_seconds} came.")

    @property
    def n_workers(self) -> int:
        """`workers`, or the number of cores."""
        return self.workers or os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankOptions:
    """How re-ranking weighs neighbours (Zhong et al. 2017).

    Parameters
    ----------
    k1 : int
        Two photos are neighbours where each is among the k1 nearest of the other; at least 1.
    k2 : int
        Neighbourhoods are averaged over so many nearest, the photo among them; 1 to k1.
    weight : float
        Share of the distance before in the distance after, 0 to 1; the paper's lambda.
    depth : int
        Length of the lists that neighbours are looked for in, more than k1.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    k1: int = 30
    k2: int = 8
    weight: float = 0.3
    depth: int = 200

    def __post_init__(self) -> None:
        if self.k1 < 1:
            raise OptionError(f"k1 must be at least 1; {self.k1} came.")
        if not 1 <= self.k2 <= self.k1:
            raise OptionError(f"k2 must be 1 to k1 = {self.k1}; {self.k2} came.")
        if not 0 <= self.weight <= 1:
            raise OptionError(f"weight must be 0 to 1; {self.weight} came.")
        if self.depth <= self.k1:
            raise OptionError(f"depth must be more than k1 = {self.k1}; {self.depth} came.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandOptions:
    """How a query is expanded by its nearest neighbours (Chum et al. 2007).

    Parameters
    ----------
    neighbors : int
        So many nearest count beside the query, at least 1.
    alpha : float
        Power of a neighbour's similarity that is its weight, not negative; 0 weighs all alike.
    depth : int
        Length of the lists that distances are looked up in, at least `neighbors`.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    neighbors: int = 8
    alpha: float = 1.0
    depth: int = 200

    def __post_init__(self) -> None:
        if self.neighbors < 1:
            raise OptionError(f"neighbors must be at least 1; {self.neighbors} came.")
        if not self.alpha >= 0:
            raise OptionError(f"alpha must not be negative; {self.alpha} came.")
        if self.depth < self.neighbors:
            raise OptionError(
                f"depth must be at least neighbors = {self.neighbors}; {self.depth} came."
            )


Reranking = RerankOptions | ExpandOptions
"""A way to rank anew what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionOptions:
    """How the distances of both signatures become one.

    ``(1 - weight) * d_SBS + weight * d_SBOVP / sqrt(2)``, d_SBS by "tanimoto-idf"; both are 0 to 1
    where phrases have norm "sqrt" or "l2".

    Parameters
    ----------
    weight : float
        Share of the phrases, 0 to 1. On held-out training photos (n = 3, KAZE) shares of 0, 0.2,
        0.35, 0.5, 0.65 and 1 gave mAP 0.331, 0.340, 0.344, 0.344, 0.340 and 0.323.

    Raises
    ------
    OptionError
        If the weight is out of range.
    """

    weight: float = 0.4

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise OptionError(f"weight must be 0 to 1; {self.weight} came.")

    def fuse(
        self, blocks: NDArray[np.float32], phrases: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the fused distances; all arrays of one shape, float32."""
        share = np.float32(self.weight)
        return (1 - share) * blocks + share / np.float32(2**0.5) * phrases
