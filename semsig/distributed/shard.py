"""One shard, open on a worker or in this process, and the calls that it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.distributed.layout import Workspace
from semsig.parallel import limit_threads
from semsig.search import DocumentCounts, HammingIndex, L2Index, PooledIndex
from semsig.search.merge import Answer
from semsig.storage.segment import Segment
from semsig.types.record_spec import AnyBatch, records_of

KINDS: dict[str, tuple[type[Any], str]] = {
    "sbs": (HammingIndex, ""),
    "sbovp": (L2Index, "sbovp/index"),
    "pooled": (PooledIndex, "pooled"),
}
"""The signatures of a shard: the class of the index, and its folder within the photos' one."""


Arrays = dict[str, NDArray[Any]]
"""A batch without its schema: shards have it already, and sending it takes longer."""


def arrays_of(batch: AnyBatch) -> Arrays:
    """Return a batch as it is sent to shards."""
    return {**records_of(batch.schema).values(batch), "offsets": batch.offsets}


Question = tuple[Any, ...]
"""Name of a method of a shard or its index, and its arguments."""


class Shards:
    """Some shards, open in one process: asked together, so that one message reaches all.

    Parameters
    ----------
    places : mapping of int to str
        Path or URL of each shard, by its number.
    signature : str
        A name of :data:`KINDS`.
    threads : int, optional
        Threads that kernels may use in this process; as many as there are cores by default.
    """

    def __init__(
        self, places: Mapping[int, str], signature: str, threads: int | None = None
    ) -> None:
        if threads is not None:
            limit_threads(threads)
        self._shards = {number: Shard(where, signature) for number, where in places.items()}

    def ask(self, questions: Mapping[int, Question]) -> dict[int, Any]:
        """Return the answers of the shards that are asked, by their numbers."""
        return {number: self._shards[number].call(*asked) for number, asked in questions.items()}


class Shard:
    """A shard's index of one signature.

    Parameters
    ----------
    where : str
        The shard's path or URL.
    signature : str
        A name of :data:`KINDS`.
    """

    def __init__(self, where: str, signature: str) -> None:
        self._workspace = Workspace(where)
        self._workspace.fetch()
        kind, folder = KINDS[signature]
        self._index = kind.open(self._workspace.path / folder)
        self._counts: DocumentCounts | None = None

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a method of this shard, or of its index where that has one of this name."""
        own = getattr(self, name, None) or getattr(self._index, name)
        return own(*arguments)

    def describe(self) -> tuple[Any, dict[str, str], int, int]:
        """Return schema, meta, rows, and the generation of what is shown."""
        manifest = self._index._store.manifest
        return self._index.schema, dict(self._index.meta), len(self._index), manifest.generation

    def rows(self) -> tuple[NDArray[np.int64], Any]:
        """Return ids and signatures."""
        ids, batch = self._index.to_batch()
        return np.array(ids), type(batch).of(list(batch), batch.schema)

    def texts(self) -> list[str]:
        """Return all payloads."""
        return list(self._index.payloads)

    def held(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which ids are in this shard."""
        found: NDArray[np.bool_] = self._index._store.snapshot.present(ids)
        return found

    def weigh_by(self, counts: DocumentCounts | None) -> None:
        """Store the document counts of all shards, for later searches."""
        self._counts = counts

    def nearest(
        self, queries: Arrays, k: int, among: NDArray[np.int64] | None, how: dict[str, Any]
    ) -> Answer:
        """Search; `among` may name ids of other shards."""
        answer: Answer = self._index.search(
            self._batch(queries), k, filter_ids=self._own(among), **self._how(how)
        )
        return answer

    def within(
        self, queries: Arrays, radius: float, among: NDArray[np.int64] | None, how: dict[str, Any]
    ) -> list[Answer]:
        """Search within a radius; `among` may name ids of other shards."""
        answers: list[Answer] = self._index.search_radius(
            self._batch(queries), radius, filter_ids=self._own(among), **self._how(how)
        )
        return answers

    def _batch(self, queries: Arrays) -> Any:
        return self._index.records.batch(**queries, schema=self._index.schema)

    def _own(self, among: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
        return None if among is None else among[self.held(among)]

    def _how(self, how: dict[str, Any]) -> dict[str, Any]:
        return how if self._counts is None else how | {"counts": self._counts}

    def unused(self, count: int) -> NDArray[np.int64]:
        """Return the next ids of this shard."""
        ids: NDArray[np.int64] = self._index._store.snapshot.unused(count)
        return ids

    def add_rows(self, batch: Any, ids: NDArray[np.int64], payloads: Any) -> None:
        """Add rows that no shard holds; none if an earlier call with a lost answer added them."""
        if not len(ids) or not self.held(ids).all():
            self._index.add(batch, ids, payloads=payloads)
        self._workspace.send()

    def remove_rows(self, ids: NDArray[np.int64]) -> None:
        """Remove rows of this shard; those already removed by such a call are ignored."""
        self._index.remove(ids[self.held(ids)])
        self._workspace.send()

    def replace_rows(self, ids: NDArray[np.int64], batch: Any, payloads: Any) -> None:
        """Replace rows that this shard holds."""
        self._index.replace(ids, batch, payloads=payloads)
        self._workspace.send()

    def compact_rows(self) -> None:
        """Merge all segments into one."""
        self._index.compact()
        self._workspace.send()

    def renew(self) -> bool:
        """Show what others have changed; return whether there was anything."""
        self._workspace.fetch()
        return bool(self._index.refresh())


def live_rows(index: Any, segment: int) -> tuple[NDArray[np.int64], Any, list[str]]:
    """Return ids, signatures and payloads of the live rows of a segment."""
    part: Segment = index._store.snapshot.segments[segment]
    batch = part.batch(index.schema)
    signatures = [batch[row] for row in np.flatnonzero(part.alive).tolist()]
    rows = type(batch).of(signatures, index.schema)
    return np.array(part.live_ids), rows, list(part.live_payloads())
