"""ShardedIndex: many shards searched as one index, in this process or on Dask's workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.distributed.layout import ShardFolder
from semsig.distributed.on_worker import Here, OnWorker
from semsig.distributed.shard import KINDS, Question, arrays_of
from semsig.errors import (
    DuplicateIdError,
    IndexFormatError,
    OptionError,
    UnknownIdError,
)
from semsig.search import DocumentCounts
from semsig.search.checks import check_k
from semsig.search.merge import Answer, merge, merge_radius
from semsig.storage.checks import Ids, as_batch, as_ids, as_matching_ids
from semsig.types.metrics import metric_named


class ShardedIndex:
    """Shards searched as one index over all of their rows, exactly.

    Answers are those of one index that holds the rows of the first shard, then those of the
    second, and so on: ties come by shard, then in order of insertion. The calls are those of
    :class:`semsig.HammingIndex`, :class:`semsig.L2Index` and :class:`semsig.PooledIndex`;
    :class:`semsig.search.Reranker` accepts it like these, and is as exact. Fusion of several
    signatures is not supported: it chooses candidates among all rows.

    Made by :meth:`open`. A change of one shard is atomic; one that affects several
    shards is a separate change of each.

    Parameters
    ----------
    folder : ShardFolder
        The shards.
    signature : {"sbs", "sbovp", "pooled"}
        What they are searched by.
    client : distributed.Client, optional
        Keeps the shards open on its workers; in this process by default.
    """

    def __init__(self, folder: ShardFolder, signature: str, client: Any = None) -> None:
        if signature not in KINDS:
            raise OptionError(
                f"Expected a signature of {', '.join(KINDS)}, got {signature!r}: shards answer by "
                "one signature; a fusion of several chooses candidates among all rows."
            )
        self._folder = folder
        self._numbers = [number for number in range(folder.shards) if folder.exists(number)]
        if not self._numbers:
            raise IndexFormatError(f"Expected an index in some shard of {folder.where}, got none.")
        self._weighed = False
        self._counts: DocumentCounts | None = None
        self._groups = self._opened(folder, signature, client)
        self._renew()

    @classmethod
    def open(
        cls, folder: Path | str, *, client: Any = None, signature: str = "sbs"
    ) -> ShardedIndex:
        """Open the shards that :func:`semsig.distributed.index` made.

        Parameters
        ----------
        folder : Path or str
            A path or URL, which every worker can read.
        client : distributed.Client, optional
            The client of Dask's scheduler: shards are distributed over the present workers,
            and stay open there as actors. In this process by default.
        signature : {"sbs", "sbovp", "pooled"}
            What is searched by.

        Raises
        ------
        IndexFormatError, IndexCorruptError
            If the folder holds no shards, or one is damaged.
        OptionError
            If there is no such signature.
        EngineError
            If no worker can open a shard.
        """
        return cls(ShardFolder.open(folder), signature, client)

    def _opened(
        self, folder: ShardFolder, signature: str, client: Any
    ) -> list[tuple[list[int], Here | OnWorker]]:
        """Open the shards, in as many groups as there are workers now."""
        n_groups = 1 if client is None else min(len(self._numbers), len(client.nthreads()) or 1)
        groups: list[tuple[list[int], Here | OnWorker]] = []
        for turn in range(n_groups):
            numbers = self._numbers[turn::n_groups]
            places = {number: folder.shard(number) for number in numbers}
            here = client is None
            opened = Here(places, signature) if here else OnWorker(client, places, signature, turn)
            groups.append((numbers, opened))
        return groups

    def _ask_all(self, name: str, *arguments: Any) -> list[Any]:
        """Make the same call on every shard; answers in the order of the shards."""
        return self._ask(dict.fromkeys(self._numbers, (name, *arguments)))

    def _ask(self, questions: Mapping[int, Question]) -> list[Any]:
        """Make calls on several shards at once; answers in the order of the calls."""
        waiting = []
        for numbers, group in self._groups:
            asked = {number: questions[number] for number in numbers if number in questions}
            if asked:
                waiting.append(group.send(asked))
        answers = {number: answer for wait in waiting for number, answer in wait().items()}
        return [answers[number] for number in questions]

    def _renew(self) -> None:
        """Read the number of rows and the state of each shard."""
        described = self._ask_all("describe")
        self._schema, self._meta = described[0][:2]
        for schema, _, _, _ in described[1:]:
            self._schema.require(schema)
        self._rows = [rows for _, _, rows, _ in described]
        self._state = tuple(generation for *_, generation in described)
        self._weighed, self._counts = False, None

    def __len__(self) -> int:
        return sum(self._rows)

    def __repr__(self) -> str:
        return (
            f"ShardedIndex({len(self):,} signatures in {len(self._numbers)} shards, "
            f"{self._schema.describe()}, {self._folder.where})"
        )

    @property
    def schema(self) -> Any:
        """Schema of every signature."""
        return self._schema

    @property
    def meta(self) -> Mapping[str, str]:
        """Whatever the shards' creator stored with them."""
        return dict(self._meta)

    @property
    def content(self) -> tuple[object, ...]:
        """Identifies the content: it changes whenever something is added, replaced or removed."""
        return self._state

    @property
    def rows_by_shard(self) -> dict[int, int]:
        """Rows of each shard that has an index."""
        return dict(zip(self._numbers, self._rows, strict=True))

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids by shard, then in order of insertion, shape (len(self),) int64."""
        return self.to_batch()[0]

    @property
    def payloads(self) -> Iterator[str]:
        """Payloads in the order of :attr:`ids`."""
        for texts in self._ask_all("texts"):
            yield from texts

    def to_batch(self) -> tuple[NDArray[np.int64], Any]:
        """Return all ids and signatures, in this process."""
        found = self._ask_all("rows")
        signatures = [signature for _, batch in found for signature in batch]
        ids = np.concatenate([ids for ids, _ in found])
        return ids, type(found[0][1]).of(signatures, self._schema)

    def signature(self, id_: int) -> Any:
        """Return the signature of an id; UnknownIdError if it is absent."""
        return self._of_one("signature", id_)

    def payload(self, id_: int) -> str:
        """Return the payload of an id; UnknownIdError if it is absent."""
        return str(self._of_one("payload", id_))

    def _of_one(self, name: str, id_: int) -> Any:
        (number,) = self._holders(as_ids(id_))
        return self._ask({int(number): (name, id_)})[0]

    def _holders(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the shard of each id; UnknownIdError if one is in none."""
        held = np.array(self._ask_all("held", ids)).reshape(len(self._numbers), len(ids))
        absent = ids[~held.any(axis=0)]
        if len(absent):
            raise UnknownIdError(f"Id {absent[0]} is in no shard; `ids` lists those that are.")
        holders: NDArray[np.int64] = np.array(self._numbers, np.int64)[held.argmax(axis=0)]
        return holders

    def document_counts(self) -> DocumentCounts:
        """Return how many signatures of all shards have each bit."""
        if self._counts is None:
            self._counts = DocumentCounts.total(self._ask_all("document_counts"))
        return self._counts

    def search(
        self, queries: Any, k: int, *, filter_ids: Ids | None = None, **how: Any
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Find the `k` nearest signatures of each query, exactly.

        Parameters
        ----------
        queries, k, filter_ids
            As the ``search`` of an index takes them.
        **how
            What else it takes, such as ``metric="tanimoto-idf"``, which weighs by the document
            counts of all shards.

        Returns
        -------
        distances, ids : ndarray, shape (Q, k)
            As an index's ``search`` returns them; ties by shard, then in order of insertion.

        Raises
        ------
        SemsigError
            As an index's ``search`` does.
        EngineError
            If a shard cannot be opened on any worker.
        """
        k = check_k(k, len(self))
        batch, among = as_batch(queries, self._schema), self._known(filter_ids)
        self._weigh(how)
        held = min(k, max(1, len(self)))
        merged = merge(self._ask_all("nearest", arrays_of(batch), held, among, how), held)
        missing = ((0, 0), (0, k - held))
        return (
            np.pad(merged.distances, missing, constant_values=-1),
            np.pad(merged.ids, missing, constant_values=-1),
        )

    def search_radius(
        self, queries: Any, radius: float, *, filter_ids: Ids | None = None, **how: Any
    ) -> list[Answer]:
        """Find all signatures whose distance is at most `radius`; else as :meth:`search`."""
        batch, among = as_batch(queries, self._schema), self._known(filter_ids)
        self._weigh(how)
        answers = self._ask_all("within", arrays_of(batch), radius, among, how)
        return [(one.distances, one.ids) for one in merge_radius(answers)]

    def _known(self, filter_ids: Ids | None) -> NDArray[np.int64] | None:
        if filter_ids is None:
            return None
        ids = as_ids(filter_ids)
        self._holders(ids)
        return ids

    def _weigh(self, how: Mapping[str, Any]) -> None:
        """Send the document counts of all shards to each, before the first search needs them."""
        if "metric" not in how or self._weighed or metric_named(how["metric"]).weights != "idf":
            return
        counts = self.document_counts()
        for numbers, group in self._groups:
            group.remember(dict.fromkeys(numbers, ("weigh_by", counts)))
        self._weighed = True

    def add(
        self,
        signatures: Any,
        ids: Ids | None = None,
        *,
        payloads: Sequence[str] | None = None,
        shard: int | None = None,
    ) -> NDArray[np.int64]:
        """Add signatures to one shard, the smallest by default, in one step.

        Parameters and errors are otherwise those of an index's ``add``.
        """
        batch = as_batch(signatures, self._schema)
        smallest = self._numbers[int(np.argmin(self._rows))]
        number = smallest if shard is None else shard
        if number not in self._numbers:
            raise OptionError(f"Expected a shard of {self._numbers}, got {shard!r}.")
        if ids is None:
            numbers: NDArray[np.int64] = self._ask({number: ("unused", len(batch))})[0]
        else:
            numbers = as_matching_ids(ids, len(batch))
            present = numbers[np.any(self._ask_all("held", numbers), axis=0)]
            if len(present):
                raise DuplicateIdError(f"Id {present[0]} is in a shard already; leave ids out.")
        self._ask({number: ("add_rows", batch, numbers, payloads)})
        self._renew()
        return numbers

    def remove(self, ids: Ids) -> None:
        """Remove signatures; UnknownIdError, and nothing removed, if an id is absent."""
        numbers = as_ids(ids)
        holders = self._holders(numbers)
        each = {
            number: ("remove_rows", numbers[holders == number])
            for number in np.unique(holders).tolist()
        }
        self._ask(each)
        self._renew()

    def replace(self, ids: Ids, signatures: Any, *, payloads: Sequence[str] | None = None) -> None:
        """Remove ids and add them again, as the last inserted of their shards."""
        batch = as_batch(signatures, self._schema)
        numbers = as_matching_ids(ids, len(batch))
        texts = list(payloads) if payloads is not None else None
        if texts is not None and len(texts) != len(batch):
            raise OptionError(f"Expected {len(batch)} payloads, got {len(texts)}.")
        holders = self._holders(numbers)
        each = {}
        for number in np.unique(holders).tolist():
            rows = np.flatnonzero(holders == number).tolist()
            own = type(batch).of([batch[row] for row in rows], self._schema)
            named = None if texts is None else [texts[row] for row in rows]
            each[number] = ("replace_rows", numbers[rows], own, named)
        self._ask(each)
        self._renew()

    def compact(self) -> None:
        """Merge all segments of each shard into one, without the removed rows."""
        self._ask_all("compact_rows")
        self._renew()

    def refresh(self) -> bool:
        """Show what others have committed; return whether there was anything new."""
        found = self._ask_all("renew")
        if any(found):
            self._renew()
        return any(found)
