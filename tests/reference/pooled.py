"""Plain-Python twin of the distance between pooled descriptors."""

from __future__ import annotations

import math
from collections.abc import Sequence


def squared_distance(a: Sequence[float], b: Sequence[float]) -> float:
    """Return |a/|a| - b/|b||^2; a vector of zeros stays as it is."""
    units = []
    for vector in (a, b):
        length = math.sqrt(sum(float(value) ** 2 for value in vector)) or 1.0
        units.append([float(value) / length for value in vector])
    return sum((x - y) ** 2 for x, y in zip(*units, strict=True))
