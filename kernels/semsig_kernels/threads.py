"""Kernels release the GIL, so plain Python threads run them side by side.

Preferred to Numba's own parallel loops: they compile several times slower, and their usual
threading layers may not be entered from two Python threads at once, nor survive a fork.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba

from semsig_kernels.cores import usable_cores

Result = TypeVar("Result")

_asked = "NUMBA_NUM_THREADS" in os.environ
_count = int(numba.config.NUMBA_NUM_THREADS) if _asked else usable_cores()


def thread_count() -> int:
    """Return how many threads kernels may use: NUMBA_NUM_THREADS, or all cores it may use."""
    return _count


def set_thread_count(count: int) -> None:
    """Let kernels use `count` threads, at least 1, from now on in this process."""
    global _count
    _count = max(1, count)


def run_split(count: int, work: Callable[[int, int], Result], *, grain: int = 1) -> list[Result]:
    """Call ``work(first, last)`` for contiguous ranges that cover 0..count-1, a thread each.

    Parameters
    ----------
    count : int
        Number of items, at least 0.
    work : callable
        Takes a range of items; calls in different threads must not write the same place.
    grain : int
        Fewest items that are worth a thread of their own.

    Returns
    -------
    list
        What the calls returned, in the order of their ranges.
    """
    parts = max(1, min(_count, count // max(1, grain)))
    if parts == 1:
        return [work(0, count)]
    edges = [part * count // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))
