"""Checks of the arguments of a search: k, radius and metric."""

from __future__ import annotations

import operator

import numpy as np

from semsig.errors import OptionError
from semsig.types.metrics import metric_named

MAX_PADDED = 2**20
"""Largest k if there are fewer rows: answers are padded to k columns, which takes memory."""


def check_k(k: int, n_rows: int | None = None) -> int:
    """Return `k`.

    Raises
    ------
    OptionError
        If it is not an integer >= 1, or if `n_rows` is given and it exceeds both MAX_PADDED and
        `n_rows`.
    """
    try:
        number = 0 if isinstance(k, bool) else operator.index(k)
    except TypeError:
        number = 0
    if number < 1:
        raise OptionError(f"k is an integer >= 1, got {k!r}.")
    if n_rows is not None and number > max(n_rows, MAX_PADDED):
        raise OptionError(
            f"k is at most {max(n_rows, MAX_PADDED):,} where {n_rows:,} can be found, "
            f"got {number:,}."
        )
    return number


def check_radius(radius: float) -> float:
    """Return `radius`; raise :class:`OptionError` unless it is a finite number >= 0."""
    is_number = isinstance(radius, (int, float, np.number)) and not isinstance(radius, bool)
    if not is_number or not 0 <= radius < np.inf:
        raise OptionError(f"radius is a finite number >= 0, got {radius!r}.")
    return radius


def check_metric(metric: str) -> None:
    """Raise :class:`OptionError` unless there is such a metric."""
    metric_named(metric)
