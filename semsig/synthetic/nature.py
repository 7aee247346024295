"""Sky, land, water, plants and animals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig.opencv import cv2
from semsig.synthetic.canvas import Canvas, Paint, Rgb, plain

_BLUE, _PALE = (70, 130, 205), (200, 222, 240)
_SKIES: tuple[tuple[Rgb, Rgb], ...] = (
    (_BLUE, _PALE),
    ((110, 160, 215), (225, 232, 235)),
    ((150, 160, 172), (205, 208, 210)),
    ((70, 80, 130), (245, 170, 110)),
    ((95, 110, 170), (250, 205, 160)),
)


def sky(c: Canvas) -> None:
    """Fill the canvas with sky: a gradient and drifting clouds."""
    top, bottom = _SKIES[c.rng.integers(len(_SKIES))]
    c.below(np.zeros(c.width), Paint(top=top, bottom=bottom, grain=2), "sky")
    coarse = sum(c.blotches(c.width // 2, c.height, 40 / 2**i)[::2] * 0.6**i for i in range(4))
    flat = cv2.resize(np.asarray(coarse), (c.width, c.height), interpolation=cv2.INTER_LINEAR)
    cover = np.clip(flat - c.rng.uniform(0.1, 1.6), 0, 1)[..., None] * 0.8
    c.image += cover * (np.array([244, 243, 242], np.float32) - c.image)


def mountains(c: Canvas, base: float, height: float, *, snow: bool = False) -> None:
    """Paint one or two ranges whose feet are at y = `base`."""
    for depth in (0.55, 1.0)[c.rng.integers(2) :]:
        line = np.minimum(c.ridge(base - height * depth * 0.6, height * 0.7, c.width / 3), base + 3)
        haze = (1 - depth) * 60
        rock = c.tone((70, 80, 80), (120, 110, 110)) + haze
        c.below(line, plain(rock, fade=0.75, grain=11), "mountain")
        if snow:
            _snow(c, line, height * depth)


def _snow(c: Canvas, line: NDArray[np.float64], height: float) -> None:
    rows = np.arange(c.height)[:, None]
    limit = line.min() + height * 0.45 + c.ridge(0, height * 0.15, 24)
    white = ((rows >= line) & (rows < limit)).astype(np.float32)[..., None] * 0.8
    c.image += white * (240 - c.image)


def land(c: Canvas, level: float, label: str, *, roughness: float = 4.0) -> None:
    """Paint ground from about y = `level` down: grass, field, earth, sand or road."""
    c.below(c.ridge(level, roughness, c.width / 2), ground_paint(c, label), label)


def ground_paint(c: Canvas, label: str) -> Paint:
    """Return a random paint for a kind of ground."""
    far, near = _GROUND[label]
    light = c.rng.uniform(0.85, 1.15)
    shift = c.rng.normal(0, 8, 3)
    top, bottom = np.array(far) * light + shift, np.array(near) * light + shift
    return Paint(top=top, bottom=bottom, grain=c.rng.uniform(5, 12))


_GROUND: dict[str, tuple[Rgb, Rgb]] = {
    "grass": ((125, 150, 75), (70, 115, 40)),
    "field": ((190, 172, 105), (150, 128, 65)),
    "earth": ((165, 130, 95), (115, 85, 58)),
    "sand": ((225, 205, 160), (200, 172, 120)),
    "road": ((135, 135, 138), (85, 85, 90)),
    "sidewalk": ((185, 180, 172), (150, 145, 138)),
}


def water(c: Canvas, level: float, label: str) -> None:
    """Paint water or sea from y = `level` down, with ripples and a bright far edge."""
    deep = c.tone((20, 70, 110), (70, 130, 150))
    paint = Paint(top=deep + 50, bottom=deep * 0.8, grain=3)
    c.below(np.full(c.width, level), paint, label)
    rows = np.arange(c.height)[:, None]
    depth = np.clip((rows - level) / c.height, 0, 1)
    waves = c.blotches(c.width // 6 + 1, c.height, 2.5).repeat(6, axis=1)[:, : c.width]
    c.image += (waves * 26 * depth * (rows > level))[..., None]


def tree(c: Canvas, x: float, base: float, height: float, kind: str = "round") -> None:
    """Paint a tree whose foot is at (x, base): ``round``, ``conifer``, ``palm`` or ``acacia``."""
    bark = plain(c.tone((70, 50, 35), (110, 85, 60)), side=15)
    leaf = c.tone((25, 70, 25), (85, 130, 55))
    trunk = height * (0.07 if kind != "palm" else 0.05)
    c.shadow(x + trunk, base, height * 0.35, height * 0.06)
    c.polygon(
        [(x - trunk / 2, base), (x + trunk / 2, base), (x + trunk / 3, base - height * 0.75),
         (x - trunk / 3, base - height * 0.75)],
        bark,
        "tree",
    )  # fmt: skip
    _CROWNS[kind](c, x, base, height, leaf)


def _round_crown(
    c: Canvas, x: float, base: float, height: float, leaf: NDArray[np.float64]
) -> None:
    for _ in range(c.count(6, 11)):
        dx, dy = c.rng.normal(0, 0.15, 2) * height
        r = height * c.rng.uniform(0.13, 0.24)
        tone = leaf * c.rng.uniform(0.75, 1.25)
        c.ellipse(x + dx, base - height * 0.68 + dy, r * 1.15, r, plain(tone, grain=14), "tree")


def _conifer_crown(
    c: Canvas, x: float, base: float, height: float, leaf: NDArray[np.float64]
) -> None:
    tone = leaf * (0.6, 0.75, 0.9)
    for step in range(4):
        low = base - height * (0.12 + 0.2 * step)
        half = height * (0.24 - 0.045 * step)
        tip = low - height * 0.36
        c.polygon(
            [(x - half, low), (x + half, low), (x, tip)], plain(tone, side=14, grain=10), "tree"
        )


def _palm_crown(c: Canvas, x: float, base: float, height: float, leaf: NDArray[np.float64]) -> None:
    for turn in np.linspace(-20, 200, 8) + c.rng.normal(0, 8, 8):
        far = height * 0.3
        dx, dy = np.cos(np.radians(turn)) * far / 2, -np.sin(np.radians(turn)) * far / 3
        tone = leaf * c.rng.uniform(0.8, 1.3)
        c.ellipse(x + dx, base - height * 0.76 + dy, far / 2, height * 0.035, plain(tone), "tree",
                  turn=-turn * 0.6)  # fmt: skip


def _acacia_crown(
    c: Canvas, x: float, base: float, height: float, leaf: NDArray[np.float64]
) -> None:
    for _ in range(6):
        dx, dy = c.rng.normal(0, (0.22, 0.035), 2) * height
        c.ellipse(x + dx, base - height * 0.78 + dy, height * 0.28, height * 0.07,
                  plain(leaf * c.rng.uniform(0.8, 1.2), grain=14), "tree")  # fmt: skip


_CROWNS = {
    "round": _round_crown,
    "conifer": _conifer_crown,
    "palm": _palm_crown,
    "acacia": _acacia_crown,
}


def bush(c: Canvas, x: float, base: float, height: float, label: str = "plant") -> None:
    """Paint a low plant; as ``flower`` it blooms."""
    leaf = c.tone((40, 90, 30), (95, 140, 60))
    bloom = c.tone((190, 60, 60), (250, 220, 190))
    c.shadow(x, base, height * 0.6, height * 0.15)
    for _ in range(7):
        dx, dy = c.rng.normal(0, 0.28, 2) * height
        tone = bloom if label == "flower" and c.chance(0.7) else leaf
        r = height * c.rng.uniform(0.16, 0.3)
        place = min(base - r, base - height * 0.4 + dy)
        c.ellipse(x + dx, place, r, r, plain(tone * c.rng.uniform(0.8, 1.1), grain=12), label)
