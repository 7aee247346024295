"""Houses and vehicles."""

from __future__ import annotations

import numpy as np

from semsig.synthetic.canvas import Canvas, plain

_GLASS = (150, 185, 210)


def building(c: Canvas, x: float, base: float, width: float, height: float) -> None:
    """Paint a house front with rows of windows; (x, base) is its lower left corner."""
    wall = c.tone((110, 90, 80), (225, 215, 200))
    top = base - height
    c.box(x, top, width, height, plain(wall, fade=0.85, grain=6, side=10), "building")
    if height < width * 1.6 and c.chance(0.6):
        peak = c.rng.uniform(0.2, 0.4) * min(width, height)
        roof = [(x - width * 0.05, top), (x + width * 1.05, top), (x + width / 2, top - peak)]
        c.polygon(roof, plain(c.tone((90, 45, 35), (150, 90, 80)), grain=9), "building")
    columns, rows = max(1, int(width / 16)), max(1, int(height / 20))
    lit = c.chance(0.3)
    for column in range(columns):
        for row in range(rows):
            glow = (240, 210, 130) if lit and c.chance(0.5) else (70, 85, 105)
            c.box(x + (column + 0.25) * width / columns, top + (row + 0.25) * height / rows,
                  width / columns * 0.5, height / rows * 0.5, plain(glow, grain=3),
                  "building")  # fmt: skip


def car(c: Canvas, x: float, base: float, width: float) -> None:
    """Paint a car from the side, centred at x, wheels on y = `base`."""
    color = c.rng.choice(np.array([[180, 40, 40], [40, 70, 150], [220, 220, 220], [60, 60, 65],
                                   [200, 170, 60], [90, 120, 90]]))  # fmt: skip
    h = width * 0.22
    left = x - width / 2
    c.shadow(x, base, width * 0.6, h * 0.5, depth=0.55)
    cabin = [(left + width * 0.2, base - h), (left + width * 0.33, base - h * 1.75),
             (left + width * 0.68, base - h * 1.75), (left + width * 0.85, base - h)]  # fmt: skip
    c.polygon(cabin, plain(_GLASS, grain=3, side=20), "car")
    c.line(cabin, width * 0.03, plain(color), "car")
    c.box(left, base - h * 1.05, width, h * 0.85, plain(color, fade=0.6, side=15), "car")
    for spot in (0.22, 0.78):
        c.ellipse(left + width * spot, base - h * 0.3, h * 0.42, h * 0.42, plain((28, 28, 30)),
                  "car")  # fmt: skip
        c.ellipse(left + width * spot, base - h * 0.3, h * 0.2, h * 0.2, plain((150, 150, 155)),
                  "car")  # fmt: skip


def bus(c: Canvas, x: float, base: float, width: float) -> None:
    """Paint a bus from the side, centred at x, wheels on y = `base`."""
    color = c.tone((120, 30, 30), (240, 200, 120))
    h, left = width * 0.4, x - width / 2
    c.shadow(x, base, width * 0.6, h * 0.25, depth=0.55)
    c.box(left, base - h, width, h * 0.92, plain(color, fade=0.75, side=15), "bus")
    for i in range(6):
        c.box(left + width * (0.04 + i * 0.16), base - h * 0.85, width * 0.12, h * 0.35,
              plain(_GLASS, side=10), "bus")  # fmt: skip
    for spot in (0.2, 0.8):
        c.ellipse(left + width * spot, base - h * 0.1, h * 0.16, h * 0.16, plain((28, 28, 30)),
                  "bus")  # fmt: skip


def boat(c: Canvas, x: float, base: float, width: float) -> None:
    """Paint a sailing or a motor boat on the water line y = `base`."""
    hull = c.tone((120, 40, 30), (245, 245, 245))
    h = width * 0.2
    c.shadow(x, base + h * 0.3, width * 0.5, h * 0.5)
    c.polygon([(x - width / 2, base - h), (x + width / 2, base - h * 1.2),
               (x + width * 0.35, base), (x - width * 0.38, base)],
              plain(hull, fade=0.7), "boat")  # fmt: skip
    if c.chance(0.6):
        mast = base - h - width * c.rng.uniform(0.7, 1.3)
        cloth = plain(c.tone((200, 190, 180), (255, 255, 255)), side=12)
        c.line([(x, base - h), (x, mast)], max(1, width * 0.03), plain((90, 70, 50)), "boat")
        c.polygon([(x + 2, mast), (x + 2, base - h * 1.4), (x + width * 0.4, base - h * 1.4)],
                  cloth, "boat")  # fmt: skip
        c.polygon([(x - 2, mast + 6), (x - 2, base - h * 1.4), (x - width * 0.3, base - h * 1.4)],
                  cloth, "boat")  # fmt: skip
    else:
        c.box(x - width * 0.2, base - h * 2.1, width * 0.35, h, plain((235, 235, 235)), "boat")
        c.box(x - width * 0.15, base - h * 1.9, width * 0.25, h * 0.4, plain(_GLASS), "boat")


def aeroplane(c: Canvas, x: float, base: float, width: float, *, flies: bool = False) -> None:
    """Paint an airliner from the side, centred at x; its wheels, or its belly, on y = `base`."""
    white = plain(c.tone((205, 205, 205), (250, 250, 250)), fade=0.7, grain=2)
    stripe = plain(c.rng.uniform(30, 220, 3), grain=2)
    r = width * 0.065
    middle = base - r * (1.0 if flies else 1.7)
    if not flies:
        c.shadow(x, base, width * 0.5, r * 0.7, depth=0.5)
        for spot in (-0.3, 0.08):
            c.ellipse(x + spot * width, base - r * 0.3, r * 0.3, r * 0.3, plain((30, 30, 32)),
                      "aeroplane")  # fmt: skip
    tail = x + width * 0.47
    c.polygon([(tail - width * 0.13, middle - r * 0.5), (tail - width * 0.02, middle - r * 3.4),
               (tail + width * 0.04, middle - r * 3.4), (tail, middle)], stripe,
              "aeroplane")  # fmt: skip
    c.ellipse(x, middle, width * 0.5, r, white, "aeroplane")
    c.line([(x - width * 0.4, middle - r * 0.15), (x + width * 0.38, middle - r * 0.15)],
           max(1, r * 0.3), stripe, "aeroplane")  # fmt: skip
    c.polygon([(x - width * 0.08, middle + r * 0.2), (x + width * 0.1, middle + r * 0.2),
               (x + width * 0.27, middle + r * 1.6), (x + width * 0.2, middle + r * 1.6)],
              plain((175, 178, 182)), "aeroplane")  # fmt: skip
    c.ellipse(x + width * 0.06, middle + r, width * 0.06, r * 0.4, plain((150, 155, 160)),
              "aeroplane")  # fmt: skip
