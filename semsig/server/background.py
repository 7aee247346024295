"""Work that outlasts a request: it reports progress, and is given up if nobody asks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

from semsig.engine.adding import Progress

Value = TypeVar("Value")

PATIENCE = 15.0
"""Seconds without a request after which work is given up."""


class _GivenUpError(Exception):
    """Raised in the work when nobody waits for it any more."""


class Task(Generic[Value]):
    """A function that runs in its own thread.

    Parameters
    ----------
    work : callable
        Takes a function that it must call often, with the amount done and the total amount.
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
        """Whether it ended without a result, possibly because nobody asked for one."""
        return self._error is not None

    @property
    def is_finished(self) -> bool:
        """Whether it ended; asking keeps it alive."""
        self._asked = time.monotonic()
        return self._finished.is_set()

    def result(self) -> Value:
        """Wait for the function, and return what it returns or raise what it raises."""
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
    """The most recently used tasks, by key.

    Parameters
    ----------
    most : int
        Largest number of tasks that are kept, with their results.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[object, Task[Value]] = {}
        self._lock = Lock()

    def get(self, key: object, work: Callable[[Progress], Value]) -> Task[Value]:
        """Return the task of a key, started now if there is none."""
        with self._lock:
            task = self._kept.pop(key, None)
            if task is None or task.has_failed:
                task = Task(work)
            self._kept[key] = task
            # a dropped task that still runs ends by itself, since nobody asks for it
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
            return task

    def stop(self) -> None:
        """Give up all tasks that still run."""
        with self._lock:
            for task in self._kept.values():
                task.stop()
