"""A shard that stays open on one of Dask's workers, and on another where that one dies."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any

from semsig.distributed.shard import Shard
from semsig.errors import EngineError, SemsigError

Wait = Callable[[], Any]
"""Waits for an answer and returns it."""

_TRIES = 4
"""How often a shard is opened anew before it is given up."""
_GLANCE = 2.0
"""Seconds after which one that waits looks whether the worker is still there."""
_WORKERS_SECONDS = 60
"""How long to wait for a worker where all are gone; Dask's nannies start them anew."""


class OnWorker:
    """A shard that is open on a worker, as an actor.

    Parameters
    ----------
    client : distributed.Client
        The client of the scheduler.
    where : str
        The shard's path or URL.
    signature : str
        What it is searched by.
    turn : int
        Shards are opened on workers in turn; this is the shard's number in that.
    """

    def __init__(self, client: Any, where: str, signature: str, turn: int) -> None:
        self._client, self._where, self._signature, self._turn = client, where, signature, turn
        self._first: tuple[Any, ...] | None = None
        self._lock = RLock()
        self._open()

    def _open(self) -> None:
        workers: dict[str, int] = self._client.nthreads()
        if not workers:
            self._client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
            workers = self._client.nthreads()
        address = sorted(workers)[self._turn % len(workers)]
        self._future = self._client.submit(
            Shard,
            self._where,
            self._signature,
            workers[address],
            actor=True,
            workers=[address],
            allow_other_workers=True,
            pure=False,
        )
        self._actor = self._future.result()
        if self._first is not None:
            self._waited(self._actor.call(*self._first))

    def remember(self, *asked: Any) -> Any:
        """Ask, now and first of all wherever the shard is opened anew."""
        with self._lock:
            self._first = asked
        return self.send(*asked)()

    def send(self, *asked: Any) -> Wait:
        """Call a method of the shard; what is returned waits for the answer.

        Raises
        ------
        SemsigError
            What the method raises; EngineError if the shard is lost on several workers.
        """
        actor = self._actor
        try:
            answer = actor.call(*asked)
        except (OSError, RuntimeError, ValueError):
            return lambda: self._again(actor, asked)

        def wait() -> Any:
            try:
                return self._waited(answer)
            except SemsigError:
                raise
            except Exception:  # Dask has no one type for a worker that is gone
                return self._again(actor, asked)

        return wait

    def _again(self, lost: Any, asked: tuple[Any, ...]) -> Any:
        """Open the shard on another worker, unless that was done meanwhile, and ask there."""
        error: Exception | None = None
        for _ in range(_TRIES):
            try:
                with self._lock:
                    if self._actor is lost:
                        self._open()
                    lost = self._actor
                return self._waited(lost.call(*asked))
            except SemsigError:
                raise
            except Exception as later:  # as above
                error = later
        raise EngineError(
            f"Expected an answer of {self._where}, got {type(error).__name__} from {_TRIES} "
            f"workers, the last time: {error}"
        ) from error

    def _waited(self, answer: Any) -> Any:
        """Wait for an actor's answer, which may never come where its worker dies."""
        while True:
            try:
                return answer.result(timeout=_GLANCE)
            except TimeoutError:
                if not any(self._client.who_has([self._future]).values()):
                    raise


class Here:
    """A shard that is open in this process; else as :class:`OnWorker`."""

    def __init__(self, where: str, signature: str) -> None:
        self._shard = Shard(where, signature)

    def remember(self, *asked: Any) -> Any:
        """Ask; there is no opening anew."""
        return self._shard.call(*asked)

    def send(self, *asked: Any) -> Wait:
        """Call a method of the shard when its answer is waited for."""
        return lambda: self._shard.call(*asked)
