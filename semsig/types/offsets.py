"""Where each signature of a batch begins and ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import SignatureError


def offsets_of(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return where each row of these N lengths begins, and where the last ends, shape (N + 1,)."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def check_offsets(offsets: NDArray[np.int64], end: int, what: str) -> None:
    """Raise :class:`SignatureError` unless offsets ascend from 0 to `end`, the number of `what`."""
    valid = offsets.ndim == 1 and offsets.dtype == np.int64 and offsets.size > 0
    if not valid or offsets[0] != 0 or offsets[-1] != end or (offsets[1:] < offsets[:-1]).any():
        raise SignatureError(f"Offsets must be int64, ascend from 0 and end at len({what}).")


def take_rows(
    values: Sequence[NDArray[Any]], offsets: NDArray[np.int64], rows: slice
) -> tuple[list[NDArray[Any]], NDArray[np.int64]]:
    """Return the values and offsets of some rows; views where the rows follow each other.

    Parameters
    ----------
    values : sequence of ndarray, each of shape (offsets[-1],)
        Row i has ``offsets[i]:offsets[i + 1]`` of each.
    offsets : ndarray of int64, shape (N + 1,)
        From 0, not descending.
    rows : slice
        Which rows.
    """
    start, stop, step = rows.indices(len(offsets) - 1)
    if step == 1:
        stop = max(start, stop)
        first, last = offsets[start], offsets[stop]
        return [array[first:last] for array in values], offsets[start : stop + 1] - first
    wanted = np.arange(start, stop, step)
    lengths = np.diff(offsets)[wanted]
    taken = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    places = np.arange(taken[-1]) + np.repeat(offsets[wanted] - taken[:-1], lengths)
    return [array[places] for array in values], taken
