"""A palette to paint layouts with: the classes' colours as a picture, or for a paint program."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.explain.words import spoken
from semsig.report.canvas import Canvas

_COLUMNS = 3
_WIDTH = 300
_ROW = 46


def palette_picture(classes: ClassTable) -> PillowImage.Image:
    """Draw a swatch of each class's colour with its name, to pick colours from."""
    canvas = Canvas(_COLUMNS * _WIDTH + 64)
    canvas.text(f"{classes.name}: {len(classes)} classes", canvas.margin, size=22)
    canvas.y += 44
    for first in range(0, len(classes), _COLUMNS):
        for column, label in enumerate(range(first, min(first + _COLUMNS, len(classes)))):
            x = canvas.margin + column * _WIDTH
            swatch = np.empty((_ROW - 8, 64, 3), np.uint8)
            swatch[:] = classes.palette[label]
            canvas.paste(swatch, x)
            canvas.text(spoken(classes.names[label]), x + 76, size=18)
        canvas.y += _ROW
    return canvas.finished()


def gimp_palette(classes: ClassTable) -> str:
    """Return the palette as GIMP, Krita and Inkscape read one (.gpl)."""
    colors = zip(classes.palette, classes.names, strict=True)
    lines = [f"{r:3d} {g:3d} {b:3d}\t{spoken(name)}" for (r, g, b), name in colors]
    return "\n".join(
        ["GIMP Palette", f"Name: semsig {classes.name}", "Columns: 6", "#", *lines, ""]
    )
