"""Shards that stay open on one of Dask's workers, and on another one if that dies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any

from semsig.distributed.shard import Question, Shards
from semsig.errors import EngineError, SemsigError

Wait = Callable[[], dict[int, Any]]
"""Waits for the answers and returns them, by the shards' numbers."""

_TRIES = 4
"""How often shards are reopened before giving up."""
_GLANCE = 2.0
"""Seconds between checks, while waiting, whether the worker still exists."""
_WORKERS_SECONDS = 60
"""How long to wait for a worker if all are gone; Dask's nannies restart them."""


class OnWorker:
    """Shards that are open on a worker, as one actor.

    Parameters
    ----------
    client : distributed.Client
        The client of the scheduler.
    places : mapping of int to str
        Path or URL of each shard, by its number.
    signature : str
        What they are searched by.
    turn : int
        Which of the workers is asked first to open them.
    """

    def __init__(self, client: Any, places: Mapping[int, str], signature: str, turn: int) -> None:
        self._client, self._places, self._signature, self._turn = client, places, signature, turn
        self._first: Mapping[int, Question] | None = None
        self._lock = RLock()
        self._open()

    def _open(self) -> None:
        workers: dict[str, int] = self._client.nthreads()
        if not workers:
            self._client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
            workers = self._client.nthreads()
        address = sorted(workers)[self._turn % len(workers)]
        self._future = self._client.submit(
            Shards,
            self._places,
            self._signature,
            workers[address],
            actor=True,
            workers=[address],
            allow_other_workers=True,
            pure=False,
        )
        self._actor = self._future.result()
        if self._first is not None:
            self._waited(self._actor.ask(self._first))

    def remember(self, asked: Mapping[int, Question]) -> None:
        """Make a call now, and again first whenever the shards are reopened."""
        with self._lock:
            self._first = asked
        self.send(asked)()

    def send(self, asked: Mapping[int, Question]) -> Wait:
        """Call methods of shards; what is returned waits for the answers.

        Raises
        ------
        SemsigError
            What a method raises; EngineError if the shards are lost on several workers.
        """
        actor = self._actor
        try:
            answer = actor.ask(asked)
        except (OSError, RuntimeError, ValueError):
            return lambda: self._again(actor, asked)

        def wait() -> dict[int, Any]:
            try:
                return self._waited(answer)
            except SemsigError:
                raise
            except Exception:  # Dask has no single exception type for a lost worker
                return self._again(actor, asked)

        return wait

    def _again(self, lost: Any, asked: Mapping[int, Question]) -> dict[int, Any]:
        """Open the shards on another worker, unless done meanwhile, and repeat the call there."""
        error: Exception | None = None
        for _ in range(_TRIES):
            try:
                with self._lock:
                    if self._actor is lost:
                        self._open()
                    lost = self._actor
                return self._waited(lost.ask(asked))
            except SemsigError:
                raise
            except Exception as later:  # as above
                error = later
        raise EngineError(
            f"Expected an answer of shards {[*self._places]}, got {type(error).__name__} from "
            f"{_TRIES} workers, the last time: {error}"
        ) from error

    def _waited(self, answer: Any) -> dict[int, Any]:
        """Wait for an actor's answer, which never arrives if its worker dies."""
        while True:
            try:
                found: dict[int, Any] = answer.result(timeout=_GLANCE)
                return found
            except TimeoutError:
                if not any(self._client.who_has([self._future]).values()):
                    raise


class Here:
    """Shards that are open in this process; else as :class:`OnWorker`."""

    def __init__(self, places: Mapping[int, str], signature: str) -> None:
        self._shards = Shards(places, signature)

    def remember(self, asked: Mapping[int, Question]) -> None:
        """Make a call; in this process shards are never reopened."""
        self._shards.ask(asked)

    def send(self, asked: Mapping[int, Question]) -> Wait:
        """Call methods of shards when their answers are waited for."""
        return lambda: self._shards.ask(asked)
