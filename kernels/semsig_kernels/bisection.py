"""An order of rows in which those with similar sums lie together: recursive balanced 2-means.

A run of rows is halved at the median of a line through two means, again and again, down to blocks
of a given size: the blocks of clusters that are all of one size. Relatives are recursive graph
bisection (Dhulipala et al. 2016) and balanced k-means.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig_kernels._jit import kernel

_SAMPLE = 1024
"""Means are found from so many rows: more of them find no better ones."""
_ROUNDS = 3
_CANDIDATES = 8


class SparseSums(NamedTuple):
    """What N rows sum to by group, without zeros."""

    groups: NDArray[np.uint16]
    sums: NDArray[np.uint8] | NDArray[np.uint16]
    offsets: NDArray[np.int64]
    """Row i has ``groups[offsets[i]:offsets[i + 1]]``, and as many sums."""


@kernel
def halve(
    order: NDArray[np.int32],
    middle: int,
    of_rows: SparseSums,
    line: NDArray[np.float32],
    keys: NDArray[np.float32],
) -> None:
    """Reorder rows so that the first `middle` are nearer to one mean, the others to another.

    Parameters
    ----------
    order : ndarray of int32, shape (n,)
        Rows; changed.
    middle : int
        In 1..n - 1.
    of_rows : SparseSums
        The sums of all rows.
    line : ndarray of float32, shape (number of groups,)
        Room for the difference of the means.
    keys : ndarray of float32, shape (>= n,)
        Room for a number a row.
    """
    step = max(1, order.size // _SAMPLE)
    sample = order[::step].copy()
    half = min(sample.size - 1, max(1, middle // step))
    _first_line(sample, of_rows, line)
    for _ in range(_ROUNDS):
        _project(sample, of_rows, line, keys)
        _select(keys, sample, half)
        _next_line(sample, half, of_rows, line)
    _project(order, of_rows, line, keys)
    _select(keys, order, middle)


@kernel
def bisect(
    order: NDArray[np.int32],
    block: int,
    of_rows: SparseSums,
    line: NDArray[np.float32],
    keys: NDArray[np.float32],
) -> None:
    """Halve rows until each run of `block` of them is a cluster; parameters as :func:`halve`."""
    starts, ends = np.empty(128, np.int64), np.empty(128, np.int64)
    starts[0], ends[0], held = 0, order.size, 1
    while held > 0:
        held -= 1
        start, end = starts[held], ends[held]
        middle = half_of(end - start, block)
        if middle == 0:
            continue
        halve(order[start:end], middle, of_rows, line, keys)
        starts[held], ends[held] = start, start + middle
        starts[held + 1], ends[held + 1] = start + middle, end
        held += 2


@kernel
def half_of(count: int, block: int) -> int:
    """Return how many of some rows go left, whole blocks; 0 where they are one block."""
    return (count + block - 1) // block // 2 * block


@kernel
def _first_line(sample: NDArray[np.int32], of_rows: SparseSums, line: NDArray[np.float32]) -> None:
    """Write the line from one row to that which differs most from it, of a few."""
    line[:] = 0
    _add_row(sample[sample.size // 2], np.float32(1), of_rows, line)
    farthest, least = sample[0], np.inf
    for i in range(_CANDIDATES):
        row = sample[i * sample.size // _CANDIDATES]
        shared = 0.0
        for e in range(of_rows.offsets[row], of_rows.offsets[row + 1]):
            shared += min(line[of_rows.groups[e]], np.float32(of_rows.sums[e]))
        if shared < least:
            farthest, least = row, shared
    _add_row(farthest, np.float32(-1), of_rows, line)


@kernel
def _next_line(
    sample: NDArray[np.int32], half: int, of_rows: SparseSums, line: NDArray[np.float32]
) -> None:
    """Write the difference of the means of the rows before `half`, and of the others."""
    line[:] = 0
    for i in range(sample.size):
        share = np.float32(-1 / half) if i < half else np.float32(1 / (sample.size - half))
        _add_row(sample[i], share, of_rows, line)


@kernel
def _add_row(row: int, factor: np.float32, of_rows: SparseSums, line: NDArray[np.float32]) -> None:
    for e in range(of_rows.offsets[row], of_rows.offsets[row + 1]):
        line[of_rows.groups[e]] += factor * np.float32(of_rows.sums[e])


@kernel
def _project(
    order: NDArray[np.int32],
    of_rows: SparseSums,
    line: NDArray[np.float32],
    keys: NDArray[np.float32],
) -> None:
    for i in range(order.size):
        row = order[i]
        key = np.float32(0)
        for e in range(of_rows.offsets[row], of_rows.offsets[row + 1]):
            key += line[of_rows.groups[e]] * np.float32(of_rows.sums[e])
        keys[i] = key


@kernel
def _select(keys: NDArray[np.float32], order: NDArray[np.int32], count: int) -> None:
    """Bring the `count` least keys, and their rows, to the front: Hoare's quickselect."""
    low, high = 0, order.size - 1
    while low < high:
        pivot = keys[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if count <= j:
            high = j
        elif count >= i:
            low = i
        else:
            return
