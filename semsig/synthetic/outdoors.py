"""Outdoor scenes, one function per category; each paints a canvas from back to front."""

from __future__ import annotations

import numpy as np

from semsig.synthetic.built import aeroplane, boat, building, bus, car
from semsig.synthetic.canvas import Canvas
from semsig.synthetic.creatures import animal, birds, person
from semsig.synthetic.nature import bush, ground_paint, land, mountains, sky, tree, water


def beach(c: Canvas) -> None:
    """Paint sea and sand under a wide sky."""
    horizon = _level(c, 0.2, 0.55)
    sky(c)
    if c.chance(0.3):
        mountains(c, horizon, c.height * 0.15)
    water(c, horizon, "sea")
    if c.chance(0.4):
        boat(c, _across(c), horizon + 4, c.rng.uniform(15, 60))
    left, right = c.rng.uniform(horizon + 12, c.height * 1.05, 2)
    shore = np.linspace(left, right, c.width)
    c.below(shore + c.ridge(0, 6, 60), ground_paint(c, "sand"), "sand")
    for x, base in _spots(c, c.count(0, 4), shore.mean(), c.height):
        person(c, x, base, _size(c, base, horizon, 0.9))
    for x, base in _spots(c, c.count(0, 3), shore.mean(), c.height):
        tree(c, x, base, _size(c, base, horizon, 2.2), "palm")
    if c.chance(0.3):
        birds(c, horizon)


def harbour(c: Canvas) -> None:
    """Paint boats on the water, houses or hills behind, sometimes a quay in front."""
    horizon = _level(c, 0.25, 0.6)
    sky(c)
    if c.chance(0.4):
        mountains(c, horizon, c.height * 0.25)
    if c.chance(0.65):
        _row_of_houses(c, horizon, c.height * c.rng.uniform(0.1, 0.35))
    water(c, horizon, c.rng.choice(["sea", "water"]))
    for x, base in _spots(c, c.count(1, 8), horizon + 8, c.height * 0.9):
        boat(c, x, base, _size(c, base, horizon, 1.4))
    if c.chance(0.35):
        land(c, c.height * c.rng.uniform(0.8, 0.93), "sidewalk", roughness=1)
        for x, base in _spots(c, c.count(0, 3), c.height * 0.95, c.height):
            person(c, x, base, _size(c, base, horizon, 0.7))
    if c.chance(0.3):
        birds(c, horizon)


def mountain_lake(c: Canvas) -> None:
    """Paint peaks over a lake, conifers on the shore."""
    horizon = _level(c, 0.35, 0.65)
    sky(c)
    mountains(c, horizon, c.height * c.rng.uniform(0.25, 0.6), snow=c.chance(0.6))
    water(c, horizon, "water")
    for x, base in _spots(c, c.count(0, 12), horizon + 1, horizon + 8):
        tree(c, x, base, c.rng.uniform(18, 60), "conifer")
    if c.chance(0.2):
        boat(c, _across(c), _level(c, 0.7, 0.85), c.rng.uniform(25, 70))
    if c.chance(0.6):
        near = c.height * c.rng.uniform(0.72, 0.95)
        land(c, near, c.rng.choice(["grass", "earth", "sand"]), roughness=14)
        for x, base in _spots(c, c.count(0, 4), near + 5, c.height):
            tree(c, x, base, c.height * c.rng.uniform(0.3, 0.8), "conifer")


def forest(c: Canvas) -> None:
    """Paint trees, and more trees."""
    horizon = _level(c, 0.25, 0.55)
    sky(c)
    if c.chance(0.2):
        mountains(c, horizon, c.height * 0.3)
    kind = c.rng.choice(["round", "conifer"])
    for x in np.arange(-20, c.width + 20, c.rng.uniform(14, 30)):
        tree(c, x, horizon + c.rng.uniform(4, 14), c.height * c.rng.uniform(0.25, 0.6), kind)
    land(c, horizon + 8, c.rng.choice(["grass", "earth"]))
    if c.chance(0.35):
        _path(c, horizon + 8, c.rng.choice(["earth", "road", "water"]))
    for x, base in _spots(c, c.count(3, 14), horizon + 12, c.height * 1.05):
        tree(c, x, base, _size(c, base, horizon, 3.0) + 40, kind)
    for x, base in _spots(c, c.count(0, 6), horizon + 20, c.height):
        bush(c, x, base, _size(c, base, horizon, 0.5))
    if c.chance(0.25):
        person(c, _across(c), c.height * 0.92, c.height * c.rng.uniform(0.2, 0.4))


def pasture(c: Canvas) -> None:
    """Paint cattle, sheep or horses on grass."""
    horizon = _level(c, 0.1, 0.5)
    sky(c)
    if c.chance(0.3):
        mountains(c, horizon, c.height * 0.2)
    for x, base in _spots(c, c.count(0, 9), horizon, horizon + 3):
        tree(c, x, base + 4, c.rng.uniform(20, 75))
    if c.chance(0.2):
        building(c, _across(c), horizon + 6, c.rng.uniform(30, 80), c.rng.uniform(20, 45))
    land(c, horizon, c.rng.choice(["grass", "grass", "grass", "field"]))
    kind = c.rng.choice(["cow", "cow", "sheep", "horse"])
    _herd(c, horizon, kind)


def savanna(c: Canvas) -> None:
    """Paint wild animals on dry land with a few acacias."""
    horizon = _level(c, 0.2, 0.55)
    sky(c)
    if c.chance(0.3):
        mountains(c, horizon, c.height * 0.15)
    land(c, horizon, c.rng.choice(["field", "field", "earth", "grass"]))
    for x, base in _spots(c, c.count(0, 5), horizon, c.height * 0.7):
        tree(c, x, base, _size(c, base, horizon, 1.6) + 15, "acacia")
    _herd(c, horizon, c.rng.choice(["elephant", "elephant", "giraffe", "lion"]))
    for x, base in _spots(c, c.count(0, 4), horizon + 20, c.height):
        bush(c, x, base, _size(c, base, horizon, 0.3))


def street(c: Canvas) -> None:
    """Paint houses, a road and traffic."""
    horizon = _level(c, 0.35, 0.6)
    sky(c)
    for x, base in _spots(c, c.count(0, 4), horizon, horizon + 4):
        tree(c, x, base, c.rng.uniform(40, 90))
    _row_of_houses(c, horizon + 6, c.height * c.rng.uniform(0.15, 0.6))
    if c.chance(0.5):
        land(c, horizon + 5, "sidewalk", roughness=0)
        _path(c, horizon + 5, "road", wide=c.rng.uniform(0.5, 1.2))
    else:
        land(c, horizon + 5, "sidewalk", roughness=0)
        land(c, horizon + c.height * c.rng.uniform(0.08, 0.2), "road", roughness=0)
    for x, base in _spots(c, c.count(0, 3), horizon + 8, c.height * 0.75):
        tree(c, x, base, _size(c, base, horizon, 1.5) + 30)
    for x, base in _spots(c, c.count(0, 6), horizon + 15, c.height):
        vehicle = bus if c.chance(0.15) else car
        vehicle(c, x, base, _size(c, base, horizon, 1.6) * (1.6 if vehicle is bus else 1))
    for x, base in _spots(c, c.count(0, 5), horizon + 12, c.height):
        person(c, x, base, _size(c, base, horizon, 1.1))


def airport(c: Canvas) -> None:
    """Paint airliners on the ground or in the air."""
    sky(c)
    if c.chance(0.2):
        aeroplane(c, _across(c, 0.3), _level(c, 0.3, 0.7), c.rng.uniform(120, 340), flies=True)
        return
    horizon = _level(c, 0.35, 0.75)
    if c.chance(0.3):
        mountains(c, horizon, c.height * 0.12)
    if c.chance(0.5):
        building(c, _across(c) - 80, horizon + 3, c.rng.uniform(100, 260), c.rng.uniform(18, 50))
    for x, base in _spots(c, c.count(0, 6), horizon, horizon + 2):
        tree(c, x, base + 2, c.rng.uniform(10, 30))
    land(c, horizon, c.rng.choice(["grass", "road"]), roughness=1)
    land(c, horizon + c.height * c.rng.uniform(0.03, 0.15), "road", roughness=0)
    for x, base in _spots(c, c.count(1, 3), horizon + 25, c.height * 0.85):
        aeroplane(c, x, base, c.rng.uniform(130, 330))
    if c.chance(0.35):
        vehicle = bus if c.chance(0.4) else car
        vehicle(c, _across(c), c.height * 0.93, c.rng.uniform(35, 80))


def _herd(c: Canvas, horizon: float, kind: str) -> None:
    """Paint one animal near by, or several further away."""
    if c.chance(0.35):
        animal(c, _across(c, 0.25), c.height * 0.93, c.height * c.rng.uniform(0.35, 0.6), kind)
        return
    for x, base in _spots(c, c.count(1, 8), horizon + 18, c.height * 0.98):
        animal(c, x, base, _size(c, base, horizon, 0.9), kind)


def _row_of_houses(c: Canvas, base: float, height: float) -> None:
    x = -c.rng.uniform(0, 60)
    while x < c.width:
        width = c.rng.uniform(40, 110)
        if not c.chance(0.18):
            building(c, x, base, width, height * c.rng.uniform(0.6, 1.5))
        x += width


def _path(c: Canvas, horizon: float, label: str, wide: float = 0.4) -> None:
    """Paint a road, track or stream that runs to the horizon."""
    far, near = _across(c, 0.3), _across(c, 0.25)
    half, end = wide * c.width / 2, c.height + 1
    corners = [(far - 4, horizon), (far + 4, horizon), (near + half, end), (near - half, end)]
    c.polygon(corners, ground_paint(c, label if label != "water" else "road"), label)


def _level(c: Canvas, low: float, high: float) -> float:
    return float(c.height * c.rng.uniform(low, high))


def _across(c: Canvas, margin: float = 0.1) -> float:
    return float(c.width * c.rng.uniform(margin, 1 - margin))


def _size(c: Canvas, base: float, horizon: float, scale: float) -> float:
    """Return the height of a thing whose foot is at y = `base`: the lower, the nearer."""
    return float((12 + (base - horizon) * 0.55) * scale * c.rng.uniform(0.8, 1.2))


def _spots(c: Canvas, count: int, top: float, bottom: float) -> list[tuple[float, float]]:
    """Return random places (x, y), the furthest first."""
    bases = np.sort(c.rng.uniform(min(top, bottom - 1), bottom, count))
    return [(float(c.rng.uniform(0, c.width)), float(base)) for base in bases]
