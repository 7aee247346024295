"""People, animals and birds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semsig.synthetic.canvas import Canvas, Rgb, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Proportions of a four-legged animal, in shoulder heights.

    Parameters
    ----------
    label : str
        Its class.
    coats : tuple of (float, float, float)
        Colours it comes in.
    body : (float, float)
        Half length and half height of the trunk.
    neck : (float, float)
        How far forward and how far up the head is carried from the shoulder.
    head : float
        Radius of the head.
    leg : float
        Width of a leg.
    """

    label: str
    coats: tuple[Rgb, ...]
    body: tuple[float, float]
    neck: tuple[float, float]
    head: float
    leg: float


_BROWN, _BLACK, _WHITE, _GREY, _TAN = (
    (120, 75, 45), (45, 42, 40), (225, 220, 212), (128, 122, 120), (200, 155, 95),
)  # fmt: skip

BUILDS = {
    "cow": Build(label="hoofed", coats=(_BROWN, _BLACK, _WHITE), body=(0.62, 0.3),
                 neck=(0.3, 0.12), head=0.15, leg=0.1),
    "sheep": Build(label="hoofed", coats=(_WHITE,), body=(0.55, 0.36), neck=(0.2, 0.1), head=0.13,
                   leg=0.08),
    "giraffe": Build(label="hoofed", coats=(_TAN,), body=(0.45, 0.22), neck=(0.35, 0.95), head=0.1,
                     leg=0.08),
    "horse": Build(label="horse", coats=(_BROWN, _BLACK, _WHITE), body=(0.55, 0.24),
                   neck=(0.35, 0.42), head=0.13, leg=0.08),
    "elephant": Build(label="elephant", coats=(_GREY,), body=(0.62, 0.42), neck=(0.28, 0.1),
                      head=0.26, leg=0.2),
    "lion": Build(label="bigcat", coats=(_TAN,), body=(0.6, 0.24), neck=(0.25, 0.2), head=0.2,
                  leg=0.11),
    "dog": Build(label="dog", coats=(_BROWN, _BLACK, _WHITE, _TAN), body=(0.5, 0.24),
                 neck=(0.2, 0.28), head=0.18, leg=0.1),
}  # fmt: skip


def animal(c: Canvas, x: float, base: float, height: float, kind: str) -> None:
    """Paint an animal from the side, feet at (x, base), `height` tall at the shoulder."""
    build = BUILDS[kind]
    coat = np.array(build.coats[c.rng.integers(len(build.coats))]) * c.rng.uniform(0.85, 1.15)
    ahead = c.rng.choice([-1, 1])
    half, thick = build.body[0] * height, build.body[1] * height
    middle = base - height + thick
    c.shadow(x, base, half * 1.3, height * 0.12)
    for spot in (-0.8, -0.55, 0.55, 0.8):
        leg = build.leg * height
        dark = coat * (0.7 if abs(spot) < 0.7 else 0.9)
        c.box(x + spot * half - leg / 2, middle, leg, base - middle, plain(dark), build.label)
    c.ellipse(x, middle, half, thick, plain(coat, fade=0.65, grain=12), build.label)
    shoulder = x + ahead * half * 0.75
    head = shoulder + ahead * build.neck[0] * height, middle - build.neck[1] * height
    c.line([(shoulder, middle), head], build.head * height * 1.1, plain(coat * 0.95), build.label)
    r = build.head * height
    c.ellipse(*head, r * 1.25, r * 0.85, plain(coat * 0.95), build.label, turn=ahead * 25)
    if kind == "elephant":
        trunk = [head, (head[0] + ahead * r, middle + r), (head[0] + ahead * r * 0.8, base - r)]
        c.line(trunk, r * 0.45, plain(coat * 0.9), build.label)
        c.ellipse(head[0] - ahead * r, head[1], r * 0.7, r * 1.1, plain(coat * 0.8), build.label)
    if kind == "lion" and c.chance(0.5):
        c.ellipse(*head, r * 1.4, r * 1.3, plain(coat * 0.55, grain=16), build.label)
        c.ellipse(*head, r * 0.8, r * 0.8, plain(coat), build.label)


def person(c: Canvas, x: float, base: float, height: float) -> None:
    """Paint a standing person, feet at (x, base)."""
    skin = c.tone((110, 75, 55), (240, 205, 180))
    shirt, trousers = c.rng.uniform(40, 230, 3), c.rng.uniform(30, 130, 3)
    step = height * c.rng.uniform(0.02, 0.1)
    c.shadow(x, base, height * 0.2, height * 0.05)
    for foot in (-step, step):
        c.line([(x, base - height * 0.5), (x + foot, base)], height * 0.09, plain(trousers),
               "person")  # fmt: skip
    c.ellipse(x, base - height * 0.64, height * 0.13, height * 0.21, plain(shirt, side=12),
              "person")  # fmt: skip
    for hand in (-1, 1):
        reach = x + hand * height * c.rng.uniform(0.12, 0.2)
        c.line([(x + hand * height * 0.1, base - height * 0.78), (reach, base - height * 0.45)],
               height * 0.06, plain(skin), "person")  # fmt: skip
    c.ellipse(x, base - height * 0.92, height * 0.065, height * 0.08, plain(skin), "person")


def birds(c: Canvas, level: float) -> None:
    """Paint a few birds in flight above y = `level`."""
    for _ in range(c.count(1, 6)):
        x, y = c.rng.uniform(0, c.width), c.rng.uniform(level * 0.15, level * 0.85)
        span = c.rng.uniform(4, 14)
        tone = plain(c.rng.uniform(40, 90, 3), grain=0)
        wings = [(x - span, y - span * 0.4), (x, y), (x + span, y - span * 0.4)]
        c.line(wings, max(1.5, span / 5), tone, "bird")
