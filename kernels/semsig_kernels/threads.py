"""Run kernels in parallel on plain Python threads: kernels release the GIL.

Numba's own parallel loops are not used: they take several times longer to compile, and their
default threading layers can neither be entered from two Python threads at once nor survive a
fork.
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
    """Return how many threads kernels use: NUMBA_NUM_THREADS if set, else one per usable core."""
    return _count


def set_thread_count(count: int) -> None:
    """Let kernels in this process use `count` threads from now on, but at least one."""
    global _count
    _count = max(1, count)


def run_split(count: int, work: Callable[[int, int], Result], *, grain: int = 1) -> list[Result]:
    """Call ``work(first, last)`` on contiguous ranges that cover 0..count-1, one thread per range.

    Parameters
    ----------
    count : int
        Number of items, at least 0.
    work : callable
        Takes a range of items; calls run concurrently and must not write to the same memory.
    grain : int
        Smallest number of items that is worth its own thread.

    Returns
    -------
    list
        The results of the calls, in the order of their ranges.
    """
    parts = max(1, min(_count, count // max(1, grain)))
    if parts == 1:
        return [work(0, count)]
    edges = [part * count // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))
