"""Where a class is, as words: shares on a 3 x 3 grid of places and a phrase for each pattern."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig.types import SbsSignature

Place = tuple[int, int]
"""Row and column on the 3 x 3 grid: (0, 0) is upper left."""

_CENTROID_WORDS = (
    ("upper left", "at the top", "upper right"),
    ("on the left", "in the centre", "on the right"),
    ("lower left", "at the bottom", "lower right"),
)
_ROW_WORDS = {
    (0,): "on top",
    (1,): "across the middle",
    (2,): "at the bottom",
    (0, 1): "above",
    (1, 2): "below",
    (0, 2): "at the top and bottom",
}
_COLUMN_WORDS = {
    (0,): "on the left",
    (1,): "down the centre",
    (2,): "on the right",
    (0, 1): "on the left and in the centre",
    (1, 2): "in the centre and on the right",
    (0, 2): "on both sides",
}


class Layout:
    """How much of each place each class of a signature fills.

    Parameters
    ----------
    signature : SbsSignature
        A level stands for the middle of its range; the classes of a block share it out.
    """

    __slots__ = ("_places", "_shares", "areas")

    def __init__(self, signature: SbsSignature) -> None:
        schema = signature.schema
        side = 2**schema.levels
        third = (np.arange(side) * 6 + 3) // (2 * side)
        amount = signature.proportions - 0.5
        per_block = np.bincount(signature.blocks, amount, schema.n_blocks)
        share = amount / per_block[signature.blocks]
        size = np.bincount(third, minlength=3)
        place_blocks = np.maximum(np.outer(size, size), 1)
        grid = np.zeros((len(schema.classes), 3, 3))
        row, column = third[signature.blocks // side], third[signature.blocks % side]
        np.add.at(grid, (signature.labels, row, column), share)
        self.areas: NDArray[np.float64] = grid.sum((1, 2)) / schema.n_blocks
        self._shares = grid / place_blocks
        self._places = frozenset(third.tolist())

    def places(self, label: int) -> frozenset[Place]:
        """Places where class `label` is at home: it fills a third, or nearly its own most."""
        share = self._shares[label]
        threshold = max(min(1 / 3, 0.6 * share.max()), 1e-9)
        return frozenset((int(r), int(c)) for r, c in np.argwhere(share >= threshold))

    def phrase(self, places: frozenset[Place]) -> str:
        """Return words for a set of places, such as ``"on top"``; empty for a 1 x 1 grid."""
        return phrase(places, tuple(sorted(self._places)))


def phrase(places: frozenset[Place], axis: tuple[int, ...] = (0, 1, 2)) -> str:
    """Return words for a set of places.

    Parameters
    ----------
    places : frozenset of (int, int)
        Places on the 3 x 3 grid.
    axis : tuple of int
        The rows (and columns) that exist: a 2 x 2 grid has only 0 and 2.
    """
    if len(axis) == 1 or not places:
        return ""
    if len(places) >= len(axis) ** 2 - (len(axis) == 3):
        return "everywhere" if len(places) == len(axis) ** 2 else "nearly everywhere"
    rows = tuple(sorted({r for r, _ in places}))
    columns = tuple(sorted({c for _, c in places}))
    if len(places) == len(rows) * len(axis):
        return _ROW_WORDS[rows]
    if len(places) == len(columns) * len(axis):
        return _COLUMN_WORDS[columns]
    return " and ".join(dict.fromkeys(_centroid_words(part) for part in _neighbourhoods(places)))


def _centroid_words(places: list[Place]) -> str:
    rows, columns = zip(*places, strict=True)
    row, column = (_third(sum(axis) / len(places)) for axis in (rows, columns))
    if (row, column) == (1, 1) and len(places) >= 4:
        return "around the centre"
    return _CENTROID_WORDS[row][column]


def _third(mean: float) -> int:
    return 0 if mean < 0.7 else 2 if mean > 1.3 else 1


def _neighbourhoods(places: frozenset[Place]) -> list[list[Place]]:
    """Split places into groups that touch by an edge, in reading order."""
    left = set(places)
    groups = []
    while left:
        group = [min(left)]
        left.remove(group[0])
        for row, column in group:
            near = {(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)}
            group.extend(sorted(near & left))
            left -= near
        groups.append(group)
    return groups
