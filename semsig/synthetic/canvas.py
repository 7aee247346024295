"""A picture and its label map, painted together shape by shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.opencv import cv2

Points = Sequence[tuple[float, float]]
"""(x, y) in pixels, x to the right, y down."""

Rgb = tuple[float, float, float] | NDArray[np.floating]
"""A colour, 0..255 per channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """How a shape is coloured.

    Parameters
    ----------
    top, bottom : three floats
        RGB 0..255 at the upper and lower end of the shape, blended between.
    grain : float
        Strength of the blotches, in grey levels.
    side : float
        How much brighter the lit, left side is than the right, in grey levels.
    """

    top: Rgb
    bottom: Rgb
    grain: float = 6.0
    side: float = 0.0


def plain(color: Rgb, *, fade: float = 0.8, grain: float = 5.0, side: float = 0.0) -> Paint:
    """Return a paint of one colour that darkens to `fade` of it at the lower end."""
    top = np.asarray(color, np.float64)
    return Paint(top=top, bottom=top * fade, grain=grain, side=side)


class Canvas:
    """A picture and its label map, painted together.

    Parameters
    ----------
    size : (int, int)
        Width and height in pixels.
    classes : ClassTable
        Table of the label map.
    rng : numpy.random.Generator
        Source of the grain.
    """

    def __init__(
        self, size: tuple[int, int], classes: ClassTable, rng: np.random.Generator
    ) -> None:
        self.width, self.height = size
        self.classes = classes
        self.rng = rng
        self.image = np.zeros((self.height, self.width, 3), np.float32)
        self._grain = 0.7 * self.blotches(2 * self.width, 2 * self.height, 5)
        self.labels = np.full((self.height, self.width), classes.void, np.uint8)

    def polygon(self, points: Points, paint: Paint, label: str) -> None:
        """Paint a filled polygon."""
        self._draw(points, 1, lambda mask, at: cv2.fillPoly(mask, [at], (255,), cv2.LINE_AA, 4),
                   paint, label)  # fmt: skip

    def box(self, x: float, y: float, w: float, h: float, paint: Paint, label: str) -> None:
        """Paint an upright rectangle whose upper left corner is (x, y)."""
        self.polygon([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], paint, label)

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, paint: Paint, label: str, turn: float = 0.0
    ) -> None:
        """Paint a filled ellipse around (x, y), turned by `turn` degrees."""
        angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        across, along = rx * np.cos(angles), ry * np.sin(angles)
        cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        outline = zip(x + across * cos - along * sin, y + across * sin + along * cos, strict=True)
        self.polygon(list(outline), paint, label)

    def line(self, points: Points, width: float, paint: Paint, label: str) -> None:
        """Paint an open line of the given width."""
        thick = max(1, round(width))
        self._draw(
            points,
            thick,
            lambda mask, at: cv2.polylines(mask, [at], False, (255,), thick, cv2.LINE_AA, 4),
            paint,
            label,
        )

    def below(self, line: NDArray[np.float64], paint: Paint, label: str) -> None:
        """Paint everything below `line`, which gives a height y for each column, shape (W,)."""
        top = min(max(0, int(line.min())), self.height - 1)
        depth = np.arange(top, self.height)[:, None] - line[None, :] + 1
        self._stamp((np.clip(depth, 0, 1) * 255).astype(np.uint8), 0, top, paint, label)

    def shadow(self, x: float, y: float, rx: float, ry: float, depth: float = 0.4) -> None:
        """Darken softly around (x, y); labels stay."""
        left, top, right, bottom = self._clip(x - 2 * rx, y - 2 * ry, x + 2 * rx, y + 2 * ry)
        rows = (np.arange(top, bottom, dtype=np.float32)[:, None] - y) / max(ry, 1)
        columns = (np.arange(left, right, dtype=np.float32)[None, :] - x) / max(rx, 1)
        shade = 1 - depth * np.exp(-(rows**2 + columns**2))
        self.image[top:bottom, left:right] *= shade[..., None]

    def _draw(
        self,
        points: Points,
        pad: int,
        draw: Callable[[NDArray[np.uint8], NDArray[np.int32]], object],
        paint: Paint,
        label: str,
    ) -> None:
        """Draw on a mask just large enough, in OpenCV's 1/16 pixels, and paint through it."""
        corners = np.asarray(points, np.float64)
        low, high = corners.min(0) - pad, corners.max(0) + pad + 1
        left, top, right, bottom = self._clip(*low, *high)
        if left >= right or top >= bottom:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        draw(mask, np.round((corners - (left, top)) * 16).astype(np.int32))
        self._stamp(mask, left, top, paint, label)

    def _clip(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[int, int, int, int]:
        """Return a box rounded to pixels of the canvas."""
        x = np.clip((np.floor(left), np.ceil(right)), 0, self.width).astype(int)
        y = np.clip((np.floor(top), np.ceil(bottom)), 0, self.height).astype(int)
        return x[0], y[0], x[1], y[1]

    def _stamp(
        self, mask: NDArray[np.uint8], left: int, top: int, paint: Paint, label: str
    ) -> None:
        """Paint where `mask` is above 0; pixels above 127 get the label."""
        height, width = mask.shape
        part = np.s_[top : top + height, left : left + width]
        alpha = mask.astype(np.float32)[..., None] / 255
        change = self._texture(width, height, paint)
        change -= self.image[part]
        change *= alpha
        self.image[part] += change
        self.labels[part][mask > 127] = self.classes.index(label)

    def _texture(self, width: int, height: int, paint: Paint) -> NDArray[np.float32]:
        ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        top, bottom = np.array(paint.top, np.float32), np.array(paint.bottom, np.float32)
        y, x = self.rng.integers(self.height), self.rng.integers(self.width)
        relief = paint.grain * self._grain[y : y + height, x : x + width]
        if paint.side:
            relief = relief + np.linspace(paint.side, -paint.side, width, dtype=np.float32)
        return np.asarray(top + ramp * (bottom - top) + relief[..., None])

    def tone(self, low: Rgb, high: Rgb) -> NDArray[np.float64]:
        """Return a random RGB colour between two, slightly off their line."""
        share = self.rng.random()
        mixed = np.array(low) * (1 - share) + np.array(high) * share
        return np.clip(mixed + self.rng.normal(0, 7, 3), 0, 255)

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return bool(self.rng.random() < probability)

    def count(self, low: int, high: int) -> int:
        """Return a random integer from `low` to `high` - 1."""
        return int(self.rng.integers(low, high))

    def blotches(self, width: int, height: int, scale: float) -> NDArray[np.float32]:
        """Return smooth noise of about unit strength, shape (height, width)."""
        coarse = int(np.ceil(height / scale)) + 1, int(np.ceil(width / scale)) + 1
        noise = self.rng.standard_normal(coarse, dtype=np.float32)
        return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))

    def ridge(self, level: float, height: float, detail: float) -> NDArray[np.float64]:
        """Return a rough line around y = `level`, shape (W,); `detail` is its bumps' width."""
        columns = np.arange(self.width)
        line = np.full(self.width, float(level))
        while detail > 2:
            knots = np.arange(0, self.width + 2 * detail, detail)
            line += np.interp(columns, knots, self.rng.normal(0, height / 2, len(knots)))
            detail, height = detail / 2, height / 2
        return line

    def finish(self, tint: Rgb, contrast: float, noise: float) -> NDArray[np.uint8]:
        """Return the picture, uint8 RGB, in the light of `tint` (1 = neutral), with noise."""
        lit = (self.image - 128) * contrast + 128
        lit = lit * np.array(tint, np.float32)
        speckle = self.rng.standard_normal(self.labels.shape, dtype=np.float32) * noise
        lit += cv2.GaussianBlur(speckle, (3, 3), 0.5)[..., None]
        return np.asarray(np.clip(lit, 0, 255), dtype=np.uint8)
