"""How label files on disk number their classes, and how those numbers become labels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from semsig.classes import MAX_CLASSES, ClassTable, Color, builtin_tables
from semsig.errors import LabelMapError
from semsig.types import LabelMap

_UNKNOWN = MAX_CLASSES + 1

BORDERS: tuple[Color, ...] = ((0, 0, 0), (224, 224, 192))
"""Colours that mean "no class": black, and the outline that Pascal VOC draws around objects."""


@dataclass(frozen=True, slots=True)
class Coding:
    """Mapping of stored numbers, or colours, to labels.

    Parameters
    ----------
    classes : ClassTable
        The table of the label maps, without void.
    numbers : dict of int to int
        Label of each stored number.
    void_colors : tuple of (int, int, int)
        Colours that mean "no class" in colour-mapped pictures.
    """

    classes: ClassTable
    numbers: dict[int, int]
    void_colors: tuple[Color, ...] = BORDERS

    @property
    def counts_from_0(self) -> bool:
        """Whether each class's stored number is its label."""
        return self.numbers == {label: label for label in range(len(self.classes))}

    @property
    def fingerprint(self) -> str:
        """A digest of the meaning of numbers and colours; empty where order alone defines it."""
        named = self.classes.name not in builtin_tables() and self._has_colors
        if self.counts_from_0 and not named:
            return ""
        facts = sorted(self.numbers.items()), self.classes.palette, self.void_colors
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    @property
    def _has_colors(self) -> bool:
        """Whether the table defines its own colours, in which pictures may be drawn."""
        return self.classes.palette != ClassTable(self.classes.names).palette

    def label_map(self, stored: NDArray[np.generic]) -> LabelMap:
        """Turn stored numbers (H, W), or colours (H, W, 3) uint8, into a label map.

        Three equal channels hold numbers, unless they are colours of the table. Floats are
        numbers if all are integers. -1 means "no class" in signed types.

        Raises
        ------
        LabelMapError
            If the array is neither or may be both, or a number or colour has no meaning.
        """
        if stored.ndim == 3 and stored.shape[2] == 1:
            stored = stored[..., 0]
        if stored.ndim != 3:
            return self._of_numbers(stored)
        grey = stored.size > 0 and np.array_equal(stored, stored[..., [0, 0, 0]])
        return self._of_grey(stored) if grey else self._of_colors(stored)

    def _of_colors(self, stored: NDArray[np.generic]) -> LabelMap:
        return LabelMap.from_colors(stored, self.classes, void=self.void_colors)

    def _of_grey(self, stored: NDArray[np.generic]) -> LabelMap:
        """Read three equal channels as numbers or as colours, if only one of both is possible."""
        color = tuple(stored[0, 0].tolist())
        try:
            numbers = self._of_numbers(stored[..., 0])
        except LabelMapError as error:
            numbers, reason = None, str(error)
        try:
            colors = self._of_colors(stored) if self._has_colors else None
        except LabelMapError:
            colors = None
        if numbers is None and (colors is None or (colors.labels == self.classes.void).all()):
            raise LabelMapError(
                f"Equal channels are neither class numbers nor colours such as {color}: {reason}"
            )
        if numbers is not None and colors is not None and numbers != colors:
            raise LabelMapError(
                f"Equal channels such as {color} may be class numbers or colours of table "
                f"{self.classes.name!r}; save the numbers as grey."
            )
        return cast("LabelMap", numbers or colors)

    def _of_numbers(self, stored: NDArray[np.generic]) -> LabelMap:
        whole = stored.dtype.kind == "f" and np.array_equal(stored, np.trunc(stored))
        if stored.ndim != 2 or not (stored.dtype.kind in "iub" or whole):
            raise LabelMapError(
                "Expected class numbers (H, W), all of them whole, or RGB uint8 (H, W, 3), "
                f"got {stored.dtype} {stored.shape}."
            )
        limited = np.clip(stored, -2.0, float(_UNKNOWN), dtype=np.float64) if whole else stored
        numbers = limited.astype(np.int64)  # after the clip: 1e30 would not fit int64
        signed = stored.dtype.kind in "if"
        numbers[numbers == -1] = self.classes.void if signed else _UNKNOWN  # exporters' "ignore"
        labels = self._lookup()[np.clip(numbers, -1, _UNKNOWN)]
        if (labels < 0).any():
            y, x = np.argwhere(labels < 0)[0]
            raise LabelMapError(
                f"Number {stored[y, x]} at (row {y}, column {x}) is no class of table "
                f"{self.classes.name!r} ({len(self.classes)} classes, {self.classes.void} = void)."
            )
        return LabelMap(labels, self.classes)

    def _lookup(self) -> NDArray[np.int32]:
        """Return the label of each number 0..65,535; -1 where it has none, and as last entry."""
        labels = np.full(_UNKNOWN + 1, -1, np.int32)
        labels[self.classes.void] = self.classes.void
        labels[list(self.numbers)] = list(self.numbers.values())
        return labels
