"""The k nearest so far, as a heap over (distance, row) whose root is the worst of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel


@kernel
def replace_worst(
    distances: NDArray[np.float64], rows: NDArray[np.int64], distance: float, row: int
) -> None:
    """Put (distance, row) in place of the worst pair; call it for better pairs only.

    distances, rows: shape (k,), k >= 1, a max-heap by distance, then row. To begin with, all
    distances are inf.
    """
    k = rows.size
    hole = 0
    child = 1
    while child < k:
        other = child + 1
        if other < k and (
            distances[other] > distances[child]
            or (distances[other] == distances[child] and rows[other] > rows[child])
        ):
            child = other
        if distances[child] < distance or (distances[child] == distance and rows[child] < row):
            break
        distances[hole] = distances[child]
        rows[hole] = rows[child]
        hole = child
        child = 2 * hole + 1
    distances[hole] = distance
    rows[hole] = row
