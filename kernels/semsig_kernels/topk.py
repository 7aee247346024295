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


@kernel
def sort_nearest(distances: NDArray[np.float64], rows: NDArray[np.int64], k: int) -> None:
    """Bring the k nearest of each query to the front, ascending; inf where there is no row.

    distances, rows: shape (Q, m), the first ``min(k, m)`` of each a heap as above.
    """
    for q in range(len(rows)):
        near, those = distances[q], rows[q]
        held = min(k, those.size)
        for j in range(held, those.size):
            if near[j] < near[0] or (near[j] == near[0] and those[j] < those[0]):
                replace_worst(near[:held], those[:held], near[j], those[j])
        for last in range(held - 1, 0, -1):
            distance, row = near[0], those[0]
            replace_worst(near[:last], those[:last], near[last], those[last])
            near[last], those[last] = distance, row
