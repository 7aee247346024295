"""The k nearest rows found so far: a max-heap over (distance, row), the worst pair at the root."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel


@kernel
def replace_worst(
    distances: NDArray[np.float64], rows: NDArray[np.int64], distance: float, row: int
) -> None:
    """Replace the worst pair by (distance, row), which must be better than it.

    `distances` and `rows`, shape (k,) with k >= 1, are a max-heap by distance, then by row.
    Initially all distances are inf.
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
    """Sort the k nearest rows of each query to the front, ascending; inf where there is no row.

    `distances` and `rows` have shape (Q, m); the first ``min(k, m)`` entries of each query are a
    heap as in :func:`replace_worst`. The heap is then sorted in place (heapsort).
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
