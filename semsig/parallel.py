"""Photos several at a time, answers in the order of the questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Q = TypeVar("Q")
A = TypeVar("A")

_AHEAD = 4


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


def limit_threads(count: int) -> None:
    """Let kernels use `count` threads in this process, which then may share cores with others."""
    from semsig_kernels.threads import set_thread_count

    set_thread_count(count)
