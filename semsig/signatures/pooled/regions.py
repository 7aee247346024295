"""Matching parts of two photos by a network's features: every position against every other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semsig.errors import SignatureError
from semsig.explain.places import place_named
from semsig.signatures import PooledEncoder

MOST_PAIRS = 6
"""Pairs of regions that are named and drawn; more are hard to tell apart."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom of a part of a photo, as shares of its sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPair:
    """A part of one photo and one of the other that are each other's most similar.

    Parameters
    ----------
    a, b : (int, int)
        Row and column of the position in each feature map.
    similarity : float
        Inner product of their vectors of unit length, -1..1.
    """

    a: tuple[int, int]
    b: tuple[int, int]
    similarity: float


@dataclass(frozen=True, eq=False)
class RegionMatches:
    """How similar the parts of two photos are.

    Parameters
    ----------
    similarity : ndarray of float32, shape (h_A, w_A, h_B, w_B)
        Inner product of each position's vector in A with each in B, both of unit length:
        the pooled descriptors of these positions on their own.
    distance : float
        Squared L2 distance of the photos' pooled descriptors.
    """

    similarity: NDArray[np.float32]
    distance: float

    @property
    def best_in_a(self) -> NDArray[np.float32]:
        """Greatest similarity of each position of A to any of B, shape (h_A, w_A)."""
        best: NDArray[np.float32] = self.similarity.max((2, 3))
        return best

    @property
    def best_in_b(self) -> NDArray[np.float32]:
        """Greatest similarity of each position of B to any of A, shape (h_B, w_B)."""
        best: NDArray[np.float32] = self.similarity.max((0, 1))
        return best

    @cached_property
    def pairs(self) -> tuple[RegionPair, ...]:
        """Positions that are each other's most similar, the best first; ties in order of A."""
        height, width, other_height, other_width = self.similarity.shape
        flat = self.similarity.reshape(height * width, other_height * other_width)
        to_b, to_a = flat.argmax(1), flat.argmax(0)
        mutual = np.flatnonzero(to_a[to_b] == np.arange(len(flat)))
        order = mutual[np.argsort(-flat[mutual, to_b[mutual]], kind="stable")]
        return tuple(
            RegionPair(
                a=divmod(int(i), width),
                b=divmod(int(to_b[i]), other_width),
                similarity=float(flat[i, to_b[i]]),
            )
            for i in order
        )

    def box(self, position: tuple[int, int], *, of_b: bool = False) -> Box:
        """Return the part of A, or of B, that a position of its feature map stands for."""
        height, width = self.similarity.shape[2 * of_b :][:2]
        row, column = position
        return column / width, row / height, (column + 1) / width, (row + 1) / height

    @property
    def sentence(self) -> str:
        """How many parts match, and where those are that match best."""
        height, width, other_height, other_width = self.similarity.shape
        said = (
            f"squared L2 {self.distance:.3f}; {len(self.pairs)} of {height * width} parts of A "
            f"and of {other_height * other_width} of B are each other's most similar"
        )
        first = self.pairs[0]
        places = place_named(self.box(first.a)), place_named(self.box(first.b, of_b=True))
        return (
            f"{said}; the most similar: {places[0]} in A, {places[1]} in B ({first.similarity:.2f})"
        )

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "signature": "pooled",
            "distance": self.distance,
            "sentence": self.sentence,
            "shapes": [list(self.similarity.shape[:2]), list(self.similarity.shape[2:])],
            "best_in_a": np.round(self.best_in_a, 4).tolist(),
            "best_in_b": np.round(self.best_in_b, 4).tolist(),
            "pairs": [
                {
                    "a": list(self.box(pair.a)),
                    "b": list(self.box(pair.b, of_b=True)),
                    "similarity": round(pair.similarity, 4),
                }
                for pair in self.pairs
            ],
        }


def match_regions(
    a: NDArray[np.float32], b: NDArray[np.float32], encoder: PooledEncoder
) -> RegionMatches:
    """Compare the parts of two photos.

    Parameters
    ----------
    a, b : ndarray of float32, shape (C, h, w)
        Feature maps of one network, as :meth:`semsig.segment.MapSegmenter.describe_maps` returns
        them.
    encoder : PooledEncoder
        What makes the photos' descriptors.

    Raises
    ------
    SignatureError
        If the maps are of another network.
    """
    if a.ndim != 3 or b.ndim != 3 or len(a) != len(b):
        raise SignatureError(f"Expected two maps (C, h, w) of one network, {a.shape}, {b.shape}.")
    left, right = (encoder.positions(features) for features in (a, b))
    whole = [encoder.sign(features).codes.astype(np.float64) for features in (a, b)]
    lengths = [float(np.linalg.norm(value)) or 1.0 for value in whole]
    first, second = (value / length for value, length in zip(whole, lengths, strict=True))
    return RegionMatches(
        np.einsum("ijd,kld->ijkl", left, right, optimize=True).astype(np.float32),
        float(((first - second) ** 2).sum()),
    )
