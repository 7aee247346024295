"""Plain-Python twins of the poolings of a feature map, of projections and of what they give."""

from __future__ import annotations

import math
from collections.abc import Sequence

Map = Sequence[Sequence[Sequence[float]]]
"""x[c][i][j], not negative."""


def pool(x: Map, name: str, p: float = 3.0) -> list[list[float]]:
    """Return one row of C values, or one a region for "rmac"."""
    if name == "rmac":
        return [[_largest(plane, *box) for plane in x] for box in boxes(len(x[0]), len(x[0][0]))]
    if name == "crow":
        return [crow(x)]
    flat = [[value for row in plane for value in row] for plane in x]
    if name == "spoc":
        return [[sum(values) / len(values) for values in flat]]
    if name == "mac":
        return [[max(values) for values in flat]]
    return [[(sum(v**p for v in values) / len(values)) ** (1 / p) for values in flat]]


def _largest(plane: Sequence[Sequence[float]], top: int, left: int, side: int) -> float:
    return max(max(row[left : left + side]) for row in plane[top : top + side])


def boxes(height: int, width: int) -> list[tuple[int, int, int]]:
    """Return (top, left, side) of R-MAC's regions at three scales."""
    short, long = min(height, width), max(height, width)
    further, best = 0, math.inf
    if long > short:
        for m in range(1, 7):
            step = (long - short) / m
            overlap = (short * short - short * step) / (short * short)
            if abs(overlap - 0.4) < best:
                further, best = m, abs(overlap - 0.4)
    found = []
    for scale in (1, 2, 3):
        side = max(1, math.floor(2 * short / (scale + 1)))
        down = scale + (further if height > width else 0)
        across = scale + (further if width > height else 0)
        for i in range(down):
            for j in range(across):
                top = math.floor(i * (height - side) / (down - 1)) if down > 1 else 0
                left = math.floor(j * (width - side) / (across - 1)) if across > 1 else 0
                found.append((top, left, side))
    return found


def crow(x: Map) -> list[float]:
    """Return the sum of positions, weighted, times the weights of channels."""
    height, width = len(x[0]), len(x[0][0])
    total = [[sum(plane[i][j] for plane in x) for j in range(width)] for i in range(height)]
    length = math.sqrt(sum(v * v for row in total for v in row)) or 1.0
    at = [[math.sqrt(v / length) for v in row] for row in total]
    shares = [sum(v > 0 for row in plane for v in row) / (height * width) for plane in x]
    epsilon = 1e-6
    together = len(x) * epsilon + sum(shares)
    return [
        sum(plane[i][j] * at[i][j] for i in range(height) for j in range(width))
        * math.log(together / (epsilon + share))
        for plane, share in zip(x, shares, strict=True)
    ]


def unit(row: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(v * v for v in row)) or 1.0
    return [v / length for v in row]


def descriptor(
    rows: Sequence[Sequence[float]],
    power: float,
    mean: Sequence[float] | None = None,
    axes: Sequence[Sequence[float]] = (),
    dims: int = 0,
) -> list[float]:
    """Return the descriptor at length 1: power, L2, projection, L2, sum over rows, L2."""
    made = []
    for row in rows:
        value = unit([v**power for v in row])
        if mean is not None and not any(row):
            value = [0.0] * dims
        elif mean is not None:
            centred = [v - m for v, m in zip(value, mean, strict=True)]
            value = unit(
                [sum(c * a[d] for c, a in zip(centred, axes, strict=True)) for d in range(dims)]
            )
        made.append(value)
    return unit([sum(column) for column in zip(*made, strict=True)])
