"""Where each signature of a batch begins and ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsig.errors import SignatureError


def offsets_of(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return where rows of these N lengths begin, and where the last ends, shape (N + 1,)."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def check_offsets(offsets: NDArray[np.int64], end: int, what: str) -> None:
    """Raise :class:`SignatureError` unless offsets ascend from 0 to `end`, the number of `what`."""
    valid = offsets.ndim == 1 and offsets.dtype == np.int64 and offsets.size > 0
    if not valid or offsets[0] != 0 or offsets[-1] != end or (offsets[1:] < offsets[:-1]).any():
        raise SignatureError(f"Offsets must be int64, ascend from 0 and end at len({what}).")
