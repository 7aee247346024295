"""Options of re-ranking by the k-NN graph: one class for each of the four methods."""

from __future__ import annotations

from dataclasses import dataclass

from semsig.arguments import NUMBER, WHOLE, expect
from semsig.errors import OptionError


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankOptions:
    """Re-ranking by k-reciprocal neighbours (Zhong et al. 2017).

    Parameters
    ----------
    k1 : int
        Two photos are neighbours if each is among the k1 nearest of the other; at least 1.
    k2 : int
        Neighbourhoods are averaged over the k2 nearest, including the photo itself; 1 to k1.
    weight : float
        Share of the original distance in the new distance, 0 to 1; the paper's lambda.
    depth : int
        Length of the lists in which neighbours are searched, more than k1.

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
        for name in ("k1", "k2", "depth"):
            expect(name, getattr(self, name), WHOLE)
        expect("weight", self.weight, NUMBER)
        if self.k1 < 1:
            raise OptionError(f"k1 must be at least 1, got {self.k1}.")
        if not 1 <= self.k2 <= self.k1:
            raise OptionError(f"k2 must be 1 to k1 = {self.k1}, got {self.k2}.")
        if not 0 <= self.weight <= 1:
            raise OptionError(f"weight must be 0 to 1, got {self.weight}.")
        if self.depth <= self.k1:
            raise OptionError(f"depth must be more than k1 = {self.k1}, got {self.depth}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandOptions:
    """Query expansion by the nearest neighbours (Chum et al. 2007).

    Parameters
    ----------
    neighbors : int
        Number of nearest neighbours averaged with the query, at least 1.
    alpha : float
        A neighbour's weight is its similarity to this power; not negative, 0 gives equal weights.
    depth : int
        Length of the lists in which distances are looked up, at least `neighbors`.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    neighbors: int = 8
    alpha: float = 1.0
    depth: int = 200

    def __post_init__(self) -> None:
        for name in ("neighbors", "depth"):
            expect(name, getattr(self, name), WHOLE)
        expect("alpha", self.alpha, NUMBER)
        if self.neighbors < 1:
            raise OptionError(f"neighbors must be at least 1, got {self.neighbors}.")
        if not self.alpha >= 0:
            raise OptionError(f"alpha must not be negative, got {self.alpha}.")
        if self.depth < self.neighbors:
            raise OptionError(
                f"depth must be at least neighbors = {self.neighbors}, got {self.depth}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentOptions:
    """Database augmentation: each photo of the database is averaged with its neighbours.

    Parameters
    ----------
    neighbors : int
        Number of photos averaged, including the photo itself; at least 1.
    alpha : float
        A neighbour's weight is its similarity to this power; not negative, 0 gives equal weights.
    depth : int
        Length of the lists in which distances are looked up, at least `neighbors`.

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
            raise OptionError(f"Expected neighbors of at least 1, got {self.neighbors}.")
        if not self.alpha >= 0:
            raise OptionError(f"Expected alpha of at least 0, got {self.alpha}.")
        if self.depth < self.neighbors:
            raise OptionError(
                f"Expected depth of at least neighbors = {self.neighbors}, got {self.depth}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffuseOptions:
    """Diffusion of similarity over the k-NN graph (Iscen et al. 2017).

    Parameters
    ----------
    k : int
        Two photos are linked if each is among the k nearest of the other; at least 1.
    seeds : int
        Number of the query's nearest photos at which diffusion starts, at least 1.
    alpha : float
        Share of similarity that is passed on in each step, above 0 and below 1.
    gamma : float
        Exponent of similarities, above 0.
    depth : int
        Length of the lists in which neighbours are searched, more than `k`, at least `seeds`.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    k: int = 20
    seeds: int = 10
    alpha: float = 0.9
    gamma: float = 3.0
    depth: int = 200

    def __post_init__(self) -> None:
        if self.k < 1 or self.seeds < 1:
            raise OptionError(f"Expected k and seeds of at least 1, got {self.k}, {self.seeds}.")
        if not 0 < self.alpha < 1 or not self.gamma > 0:
            raise OptionError(
                f"Expected 0 < alpha < 1 and gamma above 0, got {self.alpha}, {self.gamma}."
            )
        if self.depth <= self.k or self.depth < self.seeds:
            raise OptionError(
                f"Expected depth above k = {self.k} and at least seeds = {self.seeds}, got "
                f"{self.depth}."
            )


Reranking = RerankOptions | ExpandOptions | AugmentOptions | DiffuseOptions
"""Options of one re-ranking method."""
