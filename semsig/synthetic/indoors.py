"""Scenes in a house."""

from __future__ import annotations

from semsig.synthetic.canvas import Canvas, plain
from semsig.synthetic.creatures import animal, person
from semsig.synthetic.furniture import (
    bottle,
    cabinet,
    chair,
    dish,
    door,
    painting,
    potted,
    room,
    shelf,
    sofa,
    table,
    tvmonitor,
    window,
)


def living_room(c: Canvas) -> None:
    """Paint a sofa, and what goes with it."""
    ceiling, floor = room(c)
    height = floor - max(ceiling, 0)
    _openings(c, ceiling, floor)
    for _ in range(c.count(0, 3)):
        w = c.rng.uniform(25, 70)
        painting(c, _at(c), ceiling + height * c.rng.uniform(0.1, 0.4), w, w * 0.75)
    if c.chance(0.4):
        shelf(c, _at(c) - 30, floor + 5, c.rng.uniform(45, 110), height * c.rng.uniform(0.5, 0.9))
    if c.chance(0.45):
        x, low = _at(c), floor + 12
        cabinet(c, x - 45, low - 28, 90, 28)
        tvmonitor(c, x, low - 28, c.rng.uniform(45, 90))
    if c.chance(0.5):
        _rug(c, floor)
    if c.chance(0.85):
        sofa(c, _at(c), floor + c.height * c.rng.uniform(0.08, 0.2), c.rng.uniform(110, 230))
    if c.chance(0.35):
        potted(c, _at(c), floor + 20, c.rng.uniform(35, 80))
    if c.chance(0.5):
        table(c, _at(c, 0.25), c.height * c.rng.uniform(0.86, 0.98), c.rng.uniform(80, 170), 34)
    if c.chance(0.3):
        person(c, _at(c), c.height * 0.97, c.height * c.rng.uniform(0.45, 0.7))
    if c.chance(0.15):
        animal(c, _at(c), c.height * 0.95, c.rng.uniform(30, 55), "dog")


def kitchen(c: Canvas) -> None:
    """Paint units along the wall, a table with food and chairs."""
    ceiling, floor = room(c)
    height = floor - max(ceiling, 0)
    _openings(c, ceiling, floor)
    if c.chance(0.75):
        start, end = sorted(c.rng.uniform(0, c.width, 2))
        cabinet(c, start, floor - height * 0.4, end - start + 60, height * 0.42)
        if c.chance(0.7):
            cabinet(c, start, ceiling + height * 0.08, end - start, height * 0.25)
        for _ in range(c.count(0, 3)):
            bottle(c, c.rng.uniform(start, end + 40), floor - height * 0.4, c.rng.uniform(16, 32))
    for _ in range(c.count(0, 3)):
        chair(c, _at(c), floor + c.height * 0.16, c.height * c.rng.uniform(0.3, 0.45))
    if c.chance(0.85):
        _laid_table(c)
    for _ in range(c.count(0, 3)):
        chair(c, _at(c), c.height * 0.99, c.height * c.rng.uniform(0.35, 0.5))
    if c.chance(0.35):
        person(c, _at(c), c.height, c.height * c.rng.uniform(0.5, 0.75))


def _laid_table(c: Canvas) -> None:
    x, w = _at(c, 0.3), c.rng.uniform(120, 280)
    top = table(c, x, c.height * c.rng.uniform(0.9, 1.1), w, c.height * c.rng.uniform(0.25, 0.4))
    for _ in range(c.count(0, 4)):
        dish(c, x + c.rng.uniform(-0.35, 0.35) * w, top, c.rng.uniform(24, 60))
    if c.chance(0.4):
        bottle(c, x + c.rng.uniform(-0.3, 0.3) * w, top + 4, c.rng.uniform(25, 50))
    if c.chance(0.3):
        potted(c, x + c.rng.uniform(-0.3, 0.3) * w, top + 4, c.rng.uniform(25, 45))


def _openings(c: Canvas, ceiling: float, floor: float) -> None:
    height = floor - max(ceiling, 0)
    if c.chance(0.55):
        w = c.rng.uniform(50, 130)
        window(c, _at(c) - w / 2, ceiling + height * 0.15, w, height * c.rng.uniform(0.4, 0.65))
    if c.chance(0.35):
        door(c, _at(c), floor, height * 0.8)


def _rug(c: Canvas, floor: float) -> None:
    low = c.height * c.rng.uniform(0.85, 0.97)
    cloth = plain(c.rng.uniform(70, 200, 3), grain=12)
    c.ellipse(_at(c, 0.3), (floor + low) / 2 + 10, c.width * 0.3, (low - floor) / 2, cloth, "floor")


def _at(c: Canvas, margin: float = 0.12) -> float:
    return float(c.width * c.rng.uniform(margin, 1 - margin))
