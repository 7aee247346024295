"""Rooms and what stands in them."""

from __future__ import annotations

import numpy as np

from semsig.synthetic.canvas import Canvas, Paint, plain
from semsig.synthetic.nature import bush

_WOODS = np.array([[150, 105, 65], [110, 70, 45], [195, 160, 115], [215, 210, 200]])


def wood(c: Canvas) -> Paint:
    """Return the paint of a random kind of wood."""
    return plain(c.rng.choice(_WOODS) * c.rng.uniform(0.85, 1.15), grain=7, side=6)


def room(c: Canvas) -> tuple[float, float]:
    """Paint an empty room; return the y of ceiling and floor at its back wall."""
    ceiling, floor = c.height * c.rng.uniform(-0.1, 0.16), c.height * c.rng.uniform(0.55, 0.78)
    tone = c.tone((170, 160, 148), (238, 232, 222))
    c.below(np.full(c.width, -1.0), plain(tone, fade=0.9, grain=3), "wall")
    if ceiling > 0:
        c.box(0, 0, c.width, ceiling, plain((238, 236, 230), grain=2), "ceiling")
    boards = plain(c.tone((110, 85, 60), (205, 185, 160)), fade=1.12, grain=9)
    c.below(np.full(c.width, floor), boards, "floor")
    if c.chance(0.6):
        _side_wall(c, ceiling, floor, tone * 0.85)
    return ceiling, floor


def _side_wall(c: Canvas, ceiling: float, floor: float, tone: np.ndarray) -> None:
    depth = c.width * c.rng.uniform(0.08, 0.25)
    drop = c.height * c.rng.uniform(0.1, 0.3)
    corners = [(0, min(0, ceiling - drop)), (depth, ceiling), (depth, floor), (0, floor + drop)]
    c.polygon(corners, plain(tone, grain=3), "wall")


def window(c: Canvas, x: float, y: float, w: float, h: float) -> None:
    """Paint a window with a view of the sky, often with curtains."""
    sky = c.tone((120, 150, 190), (215, 228, 240))
    c.box(x, y, w, h, plain((240, 240, 236), grain=2), "window")
    for column in range(2):
        c.box(x + w * (0.05 + 0.48 * column), y + h * 0.05, w * 0.42, h * 0.9,
              plain(sky, fade=1.1, grain=8), "window")  # fmt: skip
    if c.chance(0.6):
        cloth = plain(c.rng.uniform(90, 235, 3), grain=12)
        for left in (x - w * 0.15, x + w * 0.85):
            c.box(left, y - h * 0.06, w * 0.3, h * c.rng.uniform(1.1, 1.4), cloth, "curtain")


def door(c: Canvas, x: float, floor: float, h: float) -> None:
    """Paint a closed door whose foot is at y = `floor`."""
    c.box(x, floor - h, h * 0.45, h, wood(c), "door")
    c.ellipse(x + h * 0.39, floor - h * 0.48, 2, 2, plain((225, 200, 120)), "door")


def painting(c: Canvas, x: float, y: float, w: float, h: float) -> None:
    """Paint a framed picture."""
    c.box(x, y, w, h, wood(c), "painting")
    inner = Paint(top=c.rng.uniform(60, 230, 3), bottom=c.rng.uniform(60, 230, 3), grain=30)
    c.box(x + w * 0.1, y + h * 0.1, w * 0.8, h * 0.8, inner, "painting")


def sofa(c: Canvas, x: float, floor: float, w: float) -> None:
    """Paint a sofa of width `w` centred at x."""
    cloth = c.rng.uniform(60, 200, 3)
    h, left = w * 0.4, x - w / 2
    c.shadow(x, floor, w * 0.55, h * 0.2)
    c.box(left + w * 0.05, floor - h, w * 0.9, h * 0.7, plain(cloth, grain=8), "sofa")
    for i in range(2):
        c.box(left + w * (0.1 + 0.4 * i), floor - h * 0.55, w * 0.39, h * 0.3,
              plain(cloth * 1.12, grain=8), "sofa")  # fmt: skip
    c.box(left, floor - h * 0.65, w * 0.12, h * 0.62, plain(cloth * 0.9, grain=8), "sofa")
    c.box(left + w * 0.88, floor - h * 0.65, w * 0.12, h * 0.62, plain(cloth * 0.8), "sofa")
    c.box(left + w * 0.05, floor - h * 0.28, w * 0.9, h * 0.24, plain(cloth * 0.85), "sofa")


def table(c: Canvas, x: float, floor: float, w: float, h: float) -> float:
    """Paint a table of width `w` centred at x; return the y of its top."""
    paint = wood(c)
    c.shadow(x, floor, w * 0.5, h * 0.25)
    for leg in (-0.44, 0.4):
        c.box(x + w * leg, floor - h, max(2, w * 0.04), h, paint, "table")
    top, depth = floor - h, w * 0.09
    c.polygon([(x - w / 2, top + depth), (x - w * 0.4, top - depth), (x + w * 0.4, top - depth),
               (x + w / 2, top + depth)], paint, "table")  # fmt: skip
    c.box(x - w / 2, top + depth, w, depth * 0.5, wood(c), "table")
    return top


def chair(c: Canvas, x: float, floor: float, h: float) -> None:
    """Paint a chair with its back to the left or right."""
    paint, back = wood(c), c.rng.choice([-1, 1])
    seat = floor - h * 0.45
    c.shadow(x, floor, h * 0.3, h * 0.08)
    for leg in (-0.2, 0.16):
        c.box(x + h * leg, seat, h * 0.05, h * 0.45, paint, "chair")
    c.box(x - h * 0.22, seat, h * 0.44, h * 0.1, paint, "chair")
    c.box(x + back * h * 0.2 - h * 0.04, floor - h, h * 0.08, h * 0.58, paint, "chair")


def shelf(c: Canvas, x: float, floor: float, w: float, h: float) -> None:
    """Paint a shelf full of books."""
    c.box(x, floor - h, w, h, wood(c), "shelf")
    rows = max(2, int(h / 28))
    for row in range(rows):
        low = floor - h + (row + 0.92) * h / rows
        place = x + w * 0.06
        while place < x + w * 0.88:
            thick, tall = c.rng.uniform(3, 8), h / rows * c.rng.uniform(0.5, 0.8)
            c.box(place, low - tall, thick, tall, plain(c.rng.uniform(40, 220, 3), grain=2),
                  "shelf")  # fmt: skip
            place += thick


def cabinet(c: Canvas, x: float, y: float, w: float, h: float) -> None:
    """Paint a cupboard or a row of kitchen units."""
    paint = wood(c)
    doors = max(1, int(w / 34))
    c.box(x, y, w, h, paint, "cabinet")
    for i in range(doors):
        left = x + i * w / doors
        c.line([(left, y + 2), (left, y + h - 2)], 1, plain(np.asarray(paint.bottom) * 0.6),
               "cabinet")  # fmt: skip
        c.box(left + w / doors * 0.78, y + h * 0.4, 3, h * 0.15, plain((225, 220, 210)), "cabinet")


def tvmonitor(c: Canvas, x: float, base: float, w: float) -> None:
    """Paint a screen standing on y = `base`, centred at x."""
    c.box(x - w / 2, base - w * 0.6, w, w * 0.55, plain((25, 25, 28), grain=1), "tvmonitor")
    glow = Paint(top=(40, 60, 90), bottom=(90, 110, 130), grain=14)
    c.box(x - w * 0.46, base - w * 0.57, w * 0.92, w * 0.48, glow, "tvmonitor")


def potted(c: Canvas, x: float, floor: float, h: float) -> None:
    """Paint a pot with a plant or flowers."""
    bush(c, x, floor - h * 0.3, h * 0.8, "flower" if c.chance(0.3) else "plant")
    c.polygon([(x - h * 0.2, floor - h * 0.35), (x + h * 0.2, floor - h * 0.35),
               (x + h * 0.14, floor), (x - h * 0.14, floor)], plain((165, 95, 65)),
              "plant")  # fmt: skip


def bottle(c: Canvas, x: float, base: float, h: float) -> None:
    """Paint a bottle standing on y = `base`."""
    glass = plain(c.tone((20, 60, 20), (150, 130, 90)), side=25)
    c.box(x - h * 0.13, base - h * 0.65, h * 0.26, h * 0.65, glass, "bottle")
    c.box(x - h * 0.05, base - h, h * 0.1, h * 0.4, glass, "bottle")


def dish(c: Canvas, x: float, y: float, w: float) -> None:
    """Paint a plate of food around (x, y)."""
    c.ellipse(x, y, w / 2, w * 0.2, plain((238, 236, 232)), "food")
    for _ in range(5):
        dx, dy = c.rng.uniform(-0.25, 0.25) * w, c.rng.uniform(-0.12, 0.04) * w
        tone = c.tone((130, 60, 20), (240, 190, 90))
        c.ellipse(x + dx, y + dy, w * 0.14, w * 0.1, plain(tone, grain=14), "food")
