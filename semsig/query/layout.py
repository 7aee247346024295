"""Label maps and signatures to search by: drawn layouts, crops, mirror images, gaps."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import Self

import numpy as np

from semsig.arguments import NUMBER, expect, typed
from semsig.classes import ClassTable
from semsig.errors import QueryError
from semsig.photo.image_files import read_image
from semsig.query.conditions import Conditions
from semsig.types import LabelMap, SbsSignature

_UNPAINTED = ((0, 0, 0), (255, 255, 255))


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of a picture.

    Parameters
    ----------
    left, top, right, bottom : float
        Fractions of the width and height from the upper left corner;
        0 <= left < right <= 1 and 0 <= top < bottom <= 1.

    Raises
    ------
    QueryError
        If there is no such rectangle.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        for side in ("left", "top", "right", "bottom"):
            expect(side, getattr(self, side), NUMBER)
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise QueryError(
                "A crop needs 0 <= LEFT < RIGHT <= 1 and 0 <= TOP < BOTTOM <= 1 (or 100%), "
                f"got {self.left:g},{self.top:g},{self.right:g},{self.bottom:g}."
            )

    @classmethod
    @typed(text=str)
    def parse(cls, text: str) -> Self:
        """Read ``LEFT,TOP,RIGHT,BOTTOM``, each a fraction such as 0.25 or a percentage: 25%.

        Raises
        ------
        QueryError
            If the text is no such rectangle.
        """
        numbers = [
            re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*(%?)", side.strip(), re.ASCII)
            for side in text.split(",")
        ]
        if len(numbers) != 4 or None in numbers:
            raise QueryError(
                f"A crop is LEFT,TOP,RIGHT,BOTTOM, such as 0.1,0,0.6,1 or 10%,0%,60%,100%, "
                f"got {text!r}."
            )
        sides = [float(n[1]) / (100 if n[2] else 1) for n in numbers if n]
        return cls(left=sides[0], top=sides[1], right=sides[2], bottom=sides[3])

    def crop(self, label_map: LabelMap) -> LabelMap:
        """Return the part of a label map that the rectangle touches, at least one pixel."""
        return LabelMap(label_map.labels[self.slices(*label_map.shape)], label_map.classes)

    def slices(self, height: int, width: int) -> tuple[slice, slice]:
        """Return the rows and columns of a picture of that size that the rectangle touches."""
        rows = slice(math.floor(self.top * height), math.ceil(self.bottom * height))
        return rows, slice(math.floor(self.left * width), math.ceil(self.right * width))


@typed(classes=ClassTable)
def read_layout(path: str | os.PathLike[str], classes: ClassTable) -> LabelMap:
    """Read a layout that was painted in the colours of a class table.

    Parameters
    ----------
    path : path-like
        A picture, best a PNG painted without smoothing. Pixels that are transparent, or white
        or black where no class has that colour, are void: any class may be there.
    classes : ClassTable
        The table; ``classes.palette`` holds the colours.

    Raises
    ------
    ImageError
        If the file cannot be read.
    QueryError
        If no pixel has a class.
    LabelMapError
        If a pixel's colour stands for no class, or for two.
    """
    layout = LabelMap.from_colors(read_image(path), classes, void=_UNPAINTED)
    if (layout.labels == classes.void).all():
        raise QueryError(
            f"{path} is unpainted; paint it in the colours of {classes.name!r}, such as "
            f"{classes.palette[0]} for {classes.names[0]!r}."
        )
    return layout


def mirrored(signature: SbsSignature) -> SbsSignature:
    """Return a signature with its block columns in reverse, j to 2^n - 1 - j.

    Where 2^n divides the label map's width, this is the signature of the mirrored map. Where it
    does not, block edges are rounded down, which is not symmetric, and levels may differ a
    little: where there is a map, make the signature of :meth:`LabelMap.flipped` instead.
    """
    schema = signature.schema
    side = 2**schema.levels
    block = signature.blocks + side - 1 - 2 * (signature.blocks % side)
    cell = block * len(schema.classes) + signature.labels
    codes = np.sort(cell * 4 + signature.proportions - 1)
    return SbsSignature(codes, schema)


def leave_out(signature: SbsSignature, absent: Conditions) -> SbsSignature:
    """Return a signature without the classes, in their places, that conditions name.

    The other classes keep their levels. Together with a condition that hits lack the classes,
    this searches for "the same, but without".
    """
    keep = np.ones(len(signature.cells), np.bool_)
    for term in absent.terms:
        inside = term.place.blocks(signature.schema.levels)
        keep &= ~np.isin(signature.labels, term.labels) | ~inside[signature.blocks]
    return SbsSignature(signature.cells[keep], signature.schema)
