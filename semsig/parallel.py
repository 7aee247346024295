"""Photos several at a time, answers in the order of the questions, on the cores there are."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from semsig_kernels.cores import usable_cores as usable_cores

from semsig.errors import OptionError

Q = TypeVar("Q")
A = TypeVar("A")

_AHEAD = 4
_MOST_THREADS = 4096

_SIMD_PATHS = ("portable", "avx2", "avx512")
"""As :data:`semsig_kernels._jit.SIMD_PATHS`, whose import takes Numba's half second."""


def check_environment() -> None:
    """Check what environment variables ask of the kernels, before they are imported.

    Raises
    ------
    OptionError
        If SEMSIG_SIMD names no vectors, or NUMBA_NUM_THREADS is no number of threads.
    """
    simd = os.environ.get("SEMSIG_SIMD")
    if simd and simd not in _SIMD_PATHS:
        raise OptionError(
            f"Expected SEMSIG_SIMD to be one of {', '.join(_SIMD_PATHS)}, or unset; got {simd!r}. "
            "Unset it: the widest vectors that the CPU has are then used."
        )
    threads = os.environ.get("NUMBA_NUM_THREADS")
    if threads and not (threads.isdecimal() and 1 <= int(threads[:9]) <= _MOST_THREADS):
        raise OptionError(
            f"Expected NUMBA_NUM_THREADS to be a number from 1 to {_MOST_THREADS}, or unset; got "
            f"{threads!r}. Unset it: all cores are then used."
        )


def ordered_map(answer: Callable[[Q], A], questions: Iterable[Q], workers: int) -> Iterator[A]:
    """Yield ``answer(question)`` in order, `workers` of them computed at a time.

    Unlike ``Executor.map`` it runs only a few questions ahead of the consumer, and leaves the
    rest unasked when the consumer stops or one fails.
    """
    questions = iter(questions)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[A]] = deque()
        try:
            for question in islice(questions, _AHEAD * workers):
                waiting.append(pool.submit(answer, question))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(answer, question) for question in islice(questions, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()


class _StoppedThreads(threading.local):
    """OpenCV's number of threads while this thread forks."""

    count = 1


_STOPPED = _StoppedThreads()


def _stop_opencv() -> None:
    """End OpenCV's threads before a fork, whose child would have their locks but not them.

    Without, 4 of 1,500 children that looked for keypoints waited for ever (OpenCV 4.14).
    """
    if cv2 := sys.modules.get("cv2"):
        _STOPPED.count = cv2.getNumThreads()
        cv2.setNumThreads(1)


def _restart_opencv() -> None:
    """Let OpenCV start as many threads as before, unless another fork has stopped them."""
    if _STOPPED.count > 1:
        sys.modules["cv2"].setNumThreads(_STOPPED.count)
        _STOPPED.count = 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_stop_opencv, after_in_parent=_restart_opencv, after_in_child=_restart_opencv
    )


def limit_threads(count: int) -> None:
    """Let kernels use `count` threads in this process, which then may share cores with others."""
    from semsig_kernels.threads import set_thread_count

    set_thread_count(count)
