"""Where a class is, as words: shares on a 3 x 3 grid of places and a phrase for each pattern."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig.types import LabelMap, SbsSignature

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


_LEVEL_SHARES = np.array([0.0625, 0.375, 0.625, 0.875])
"""Share of a block that levels 1 to 4 stand for; level 1 has less than its midpoint 1/8, because
most such cells hold far less."""


def place_named(box: tuple[float, float, float, float]) -> str:
    """Return words for where the centre of a box is: left, top, right, bottom as shares, 0..1."""
    left, top, right, bottom = box
    row, column = (
        min(2, int(3 * (low + high) / 2)) for low, high in ((top, bottom), (left, right))
    )
    return _CENTROID_WORDS[row][column]


class Layout:
    """How much of the picture, and of each of 3 x 3 places, each class fills.

    Parameters
    ----------
    shares : ndarray of float64, shape (M, 3, 3)
        Share of each place that each class fills, 0..1.
    areas : ndarray of float64, shape (M,)
        Share of the whole that each class fills, 0..1.
    axis : tuple of int
        Rows (and columns) of places that exist: a signature of n = 1 knows only 0 and 2.
    """

    __slots__ = ("_axis", "_shares", "areas")

    def __init__(
        self, shares: NDArray[np.float64], areas: NDArray[np.float64], axis: tuple[int, ...]
    ) -> None:
        self._shares = shares
        self._axis = axis
        self.areas = areas

    @classmethod
    def of_signature(cls, signature: SbsSignature) -> Layout:
        """Estimate the shares from proportion levels; a block's classes are scaled to sum to 1.

        Blocks without a class, void or finer than the label map, count for no place.
        """
        schema = signature.schema
        side = 2**schema.levels
        third = (np.arange(side) * 6 + 3) // (2 * side)
        amount = _LEVEL_SHARES[signature.proportions - 1]
        per_block = np.bincount(signature.blocks, amount, schema.n_blocks)
        share = amount / per_block[signature.blocks]
        grid = np.zeros((len(schema.classes), 3, 3))
        row, column = third[signature.blocks // side], third[signature.blocks % side]
        np.add.at(grid, (signature.labels, row, column), share)
        filled = grid.sum(0)
        return cls(
            grid / np.where(filled > 0, filled, 1),
            grid.sum((1, 2)) / max(filled.sum(), 1),
            tuple(sorted(set(third.tolist()))),
        )

    @classmethod
    def of_map(cls, label_map: LabelMap) -> Layout:
        """Count the shares in a label map; void pixels count for no class."""
        height, width = label_map.shape
        n_classes = len(label_map.classes)
        place = (np.arange(height) * 3 // height * 3)[:, None] + np.arange(width) * 3 // width
        known = label_map.labels != label_map.classes.void
        keys = label_map.labels[known].astype(np.int64) * 9 + place[known]
        pixels = np.bincount(keys, minlength=n_classes * 9).reshape(n_classes, 3, 3)
        shares = pixels / np.maximum(pixels.sum(0), 1)
        return cls(shares, pixels.sum((1, 2)) / max(pixels.sum(), 1), (0, 1, 2))

    def places(self, label: int) -> frozenset[Place]:
        """Places where class `label` mainly is: it fills a third, or nearly its largest share."""
        share = self._shares[label]
        threshold = max(min(1 / 3, 0.6 * share.max()), 1e-9)
        return frozenset((int(r), int(c)) for r, c in np.argwhere(share >= threshold))

    def phrase(self, places: frozenset[Place]) -> str:
        """Return words for a set of places, such as ``"on top"``; empty for a 1 x 1 grid."""
        return phrase(places, self._axis)


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
    groups = _neighbourhoods(places, axis[1] - axis[0])
    if len(groups) > 2:
        return "in several places"
    return " and ".join(dict.fromkeys(_centroid_words(group) for group in groups))


def _centroid_words(places: list[Place]) -> str:
    rows, columns = zip(*places, strict=True)
    row, column = (_third(sum(axis) / len(places)) for axis in (rows, columns))
    if (row, column) == (1, 1) and len(places) >= 4:
        return "around the centre"
    return _CENTROID_WORDS[row][column]


def _third(mean: float) -> int:
    return 0 if mean < 0.7 else 2 if mean > 1.3 else 1


def _neighbourhoods(places: frozenset[Place], step: int) -> list[list[Place]]:
    """Split places into groups of neighbours, `step` apart in a row or column, in reading order."""
    left = set(places)
    groups = []
    while left:
        group = [min(left)]
        left.remove(group[0])
        for row, column in group:
            near = {(row - step, column), (row + step, column)}
            near |= {(row, column - step), (row, column + step)}
            group.extend(sorted(near & left))
            left -= near
        groups.append(group)
    return groups
