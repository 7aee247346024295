"""Work that outlasts a request: it says how far it is, and ends when nobody asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

from semsig.engine.adding import Progress

Value = TypeVar("Value")

PATIENCE = 15.0
"""Seconds after which work that nobody asks for is given up."""


class _GivenUpError(Exception):
    """Nobody waits for the work any more."""


class Task(Generic[Value]):
    """A function that runs in a thread of its own.

    Parameters
    ----------
    work : callable
        Takes a function that it calls often with how much is done, and of how much.
    """

    def __init__(self, work: Callable[[Progress], Value]) -> None:
        self.done, self.of = 0, 0
        self._work = work
        self._finished = Event()
        self._value: Value | None = None
        self._error: BaseException | None = None
        self._stopping = False
        self._asked = time.monotonic()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def has_failed(self) -> bool:
        """Whether it ended without a result, perhaps because nobody asked for one."""
        return self._error is not None

    @property
    def is_finished(self) -> bool:
        """Whether it ended; to ask keeps it alive."""
        self._asked = time.monotonic()
        return self._finished.is_set()

    def result(self) -> Value:
        """Wait for what the function returns, and raise what it raises."""
        self._finished.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def stop(self) -> None:
        """Give the work up and wait for its thread."""
        self._stopping = True
        self._thread.join()

    def _run(self) -> None:
        try:
            self._value = self._work(self._progress)
        except BaseException as error:  # raised again where the result is asked for
            self._error = error
        finally:
            self._finished.set()

    def _progress(self, done: int, of: int) -> None:
        self.done, self.of = done, of
        if self._stopping or time.monotonic() - self._asked > PATIENCE:
            raise _GivenUpError


class Tasks(Generic[Value]):
    """Tasks by key, those asked for last.

    Parameters
    ----------
    most : int
        How many are kept, with their results.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[object, Task[Value]] = {}
        self._lock = Lock()

    def get(self, key: object, work: Callable[[Progress], Value]) -> Task[Value]:
        """Return the task of a key, begun now if there is none."""
        with self._lock:
            task = self._kept.pop(key, None)
            if task is None or task.has_failed:
                task = Task(work)
            self._kept[key] = task
            # what is dropped here and still runs gives up by itself
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
            return task

    def stop(self) -> None:
        """Give up all that still runs."""
        with self._lock:
            for task in self._kept.values():
                task.stop()
