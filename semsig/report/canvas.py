"""A white canvas for pictures, text and colour keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from semsig.report.draw import LegendEntry
from semsig.types import Image

Ink = tuple[int, int, int]

INK: Ink = (28, 32, 38)
FAINT: Ink = (105, 112, 122)
PAPER: Ink = (252, 252, 250)
AGREE: Ink = (30, 178, 166)
DIFFER: Ink = (222, 92, 38)


class Canvas:
    """A canvas that grows downwards: place things at ``y``, then move on.

    Parameters
    ----------
    width : int
        Pixels.
    margin : int
        Pixels kept free on every side.
    """

    def __init__(self, width: int, margin: int = 32) -> None:
        self.width = width
        self.margin = margin
        self.y = margin
        self._sheet = PillowImage.new("RGB", (width, 8), PAPER)
        self._draw = ImageDraw.Draw(self._sheet)

    def finished(self) -> PillowImage.Image:
        """Return the sheet, cut below what was placed last."""
        return self._sheet.crop((0, 0, self.width, self.y + self.margin))

    def paste(self, image: Image, x: int) -> None:
        """Place a picture with its upper left corner at (x, y)."""
        self._reach(self.y + image.shape[0])
        self._sheet.paste(PillowImage.fromarray(image), (x, self.y))

    def text(self, words: str, x: int, *, size: int = 18, ink: Ink = INK) -> int:
        """Write one line at (x, y) and return its width."""
        self._reach(self.y + 2 * size)
        font = ImageFont.load_default(size)
        self._draw.text((x, self.y), words, fill=ink, font=font)
        return round(self._draw.textlength(words, font))

    def paragraph(self, words: str, *, size: int = 20, ink: Ink = INK) -> None:
        """Write words between the margins, breaking lines, and move below them."""
        font = ImageFont.load_default(size)
        line = ""
        for word in words.split():
            longer = f"{line} {word}".lstrip()
            if line and self._draw.textlength(longer, font) > self.width - 2 * self.margin:
                self._line(line, size, ink)
                longer = word
            line = longer
        self._line(line, size, ink)

    def _line(self, line: str, size: int, ink: Ink) -> None:
        self.text(line, self.margin, size=size, ink=ink)
        self.y += round(size * 1.45)

    def swatches(self, entries: list[LegendEntry], *, size: int = 16) -> None:
        """Write colour keys in rows and move below them."""
        x = self.margin
        for entry in entries:
            words = f"{entry.name}  {entry.share:.0%}"
            needed = 34 + round(self._draw.textlength(words, ImageFont.load_default(size)))
            if x + needed > self.width - self.margin:
                x, self.y = self.margin, self.y + round(size * 1.9)
            self._reach(self.y + 2 * size)
            box = (x, self.y + 1, x + size, self.y + 1 + size)
            self._draw.rounded_rectangle(box, 4, fill=entry.color, outline=FAINT)
            self.text(words, x + size + 8, size=size)
            x += needed + 14
        self.y += round(size * 1.9)

    def frames(self, entries: Sequence[tuple[float, str]], *, size: int = 16) -> None:
        """Write the key to frames of these agreements in a row and move below it."""
        x = self.margin
        self._reach(self.y + 2 * size)
        for agreement, words in entries:
            frame(self._draw, (x, self.y, x + size + 2, self.y + size + 2), agreement)
            x += size + 12 + self.text(words, x + size + 12, size=size) + 26
        self.y += round(size * 2.2)

    def _reach(self, y: int) -> None:
        """Make the sheet at least `y` high."""
        if y + self.margin > self._sheet.height:
            taller = PillowImage.new("RGB", (self.width, 2 * (y + self.margin)), PAPER)
            taller.paste(self._sheet, (0, 0))
            self._sheet, self._draw = taller, ImageDraw.Draw(taller)


def frame(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], agreement: float) -> None:
    """Draw a block's frame: green (agrees) over white to orange (differs); crossed below half."""
    ends = np.array([DIFFER, (255, 255, 255), AGREE], float)
    mixed = [int(np.interp(agreement, [0, 0.5, 1], ends[:, channel])) for channel in range(3)]
    ink = mixed[0], mixed[1], mixed[2]
    draw.rectangle(box, outline=ink, width=3)
    if agreement < 0.5:
        draw.line(box, fill=ink, width=2)
        draw.line((box[0], box[3], box[2], box[1]), fill=ink, width=2)
