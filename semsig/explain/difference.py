"""Where two signatures agree and differ, cell by cell; the parts add up to the distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.types import SbsSchema, SbsSignature
from semsig.types.notebook import safe, shown, table

Cells = NDArray[np.int64]

_MOST_SHOWN = 20
_INKS = ((222, 255, 30), (92, 255, 178), (38, 255, 166))
"""Red, green and blue of a block that differs, half agrees, agrees: orange, white and teal, which
red-green colour-blind people can tell apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """Differences of two signatures A and B.

    Parameters
    ----------
    schema : SbsSchema
        Schema of both.
    blocks, labels : ndarray of int64, shape (K,)
        Block ``row * 2^n + column`` and class label of every cell that A or B has, ascending.
    levels_a, levels_b : ndarray of int64, shape (K,)
        Proportion level of the cell, 1..4 quarters of the block; 0 = the class is not there.
    sentence : str
        The same in plain words.
    """

    schema: SbsSchema
    blocks: Cells
    labels: Cells
    levels_a: Cells
    levels_b: Cells
    sentence: str

    @property
    def contributions(self) -> Cells:
        """Bits in which A and B differ, cell by cell, shape (K,) int64.

        ``|lA - lB| + [lA > 0 xor lB > 0]``; they sum to the Hamming distance.
        """
        steps: Cells = np.abs(self.levels_a - self.levels_b)
        steps += (self.levels_a > 0) != (self.levels_b > 0)
        return steps

    @property
    def distance(self) -> int:
        """Hamming distance between A and B in bits."""
        return int(self.contributions.sum())

    @property
    def kinds(self) -> list[str]:
        """``"agree"``, ``"only-a"``, ``"only-b"`` or ``"share"`` (both, not equally) per cell."""
        verdict = np.select(
            [self.levels_a == self.levels_b, self.levels_b == 0, self.levels_a == 0],
            ["agree", "only-a", "only-b"],
            "share",
        )
        return [str(kind) for kind in verdict]

    @property
    def block_distances(self) -> Cells:
        """Bits that differ in each block, shape (4^n,) int64."""
        return self._per_block(self.contributions)

    @property
    def block_agreement(self) -> NDArray[np.float64]:
        """How far each block agrees, shape (4^n,): 1 = every bit set is shared, 0 = none is.

        The Dice coefficient of the block's bits; 1 where both have only void.
        """
        weight = _weight(self.levels_a) + _weight(self.levels_b)
        total = self._per_block(weight)
        differing = self.block_distances
        return np.where(total > 0, 1 - differing / np.maximum(total, 1), 1.0)

    def _repr_html_(self) -> str:
        side = 2**self.schema.levels
        agreement = self.block_agreement.reshape(side, side)
        channels = [np.interp(agreement, (0, 0.5, 1), ink) for ink in _INKS]
        picture = np.stack(channels, axis=-1).astype(np.uint8)
        differing = self.class_distances()
        rows = [(safe(name), f"{bits:,}") for name, bits in differing[:_MOST_SHOWN]]
        classes = table(("class", "bits"), rows, len(differing) - len(rows))
        return (
            f"<p>{safe(self.sentence)}</p>{shown(picture, 'blocks: teal agree, orange differ')}"
            f"<p>{self.distance:,} bits differ</p>{classes}"
        )

    def _per_block(self, values: Cells) -> Cells:
        out = np.zeros(self.schema.n_blocks, np.int64)
        np.add.at(out, self.blocks, values)
        return out

    def class_distances(self) -> list[tuple[str, int]]:
        """Bits that differ by class, the class with the most first."""
        bits = np.zeros(len(self.schema.classes), np.int64)
        np.add.at(bits, self.labels, self.contributions)
        order = np.argsort(-bits, kind="stable")
        return [(self.schema.classes.names[c], int(bits[c])) for c in order if bits[c]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers for JSON."""
        side = 2**self.schema.levels
        rows = zip(
            self.blocks.tolist(),
            self.labels.tolist(),
            self.levels_a.tolist(),
            self.levels_b.tolist(),
            self.contributions.tolist(),
            self.kinds,
            strict=True,
        )
        cells = [
            {
                "row": block // side,
                "column": block % side,
                "class": self.schema.classes.names[label],
                "level_a": level_a,
                "level_b": level_b,
                "bits": bits,
                "kind": kind,
            }
            for block, label, level_a, level_b, bits, kind in rows
        ]
        return {
            "distance": self.distance,
            "sentence": self.sentence,
            "grid": side,
            "classes": dict(self.class_distances()),
            "cells": cells,
        }


def align(a: SbsSignature, b: SbsSignature) -> tuple[Cells, Cells, Cells, Cells]:
    """Return blocks, labels, levels of A and levels of B over the cells that either has.

    Raises
    ------
    SchemaMismatchError
        If the two were made with different schemas.
    """
    a.schema.require(b.schema)
    cells_a, cells_b = a.cells.astype(np.int64) >> 2, b.cells.astype(np.int64) >> 2
    union = np.union1d(cells_a, cells_b)
    levels_a, levels_b = np.zeros(len(union), np.int64), np.zeros(len(union), np.int64)
    levels_a[np.searchsorted(union, cells_a)] = a.proportions
    levels_b[np.searchsorted(union, cells_b)] = b.proportions
    n_classes = len(a.schema.classes)
    return union // n_classes, union % n_classes, levels_a, levels_b


def _weight(levels: Cells) -> Cells:
    return levels + (levels > 0)
