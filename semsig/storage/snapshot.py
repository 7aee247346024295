"""A snapshot: the content of an index at one moment, and how changes make the next one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semsig.errors import (
    DuplicateIdError,
    OptionError,
    UnknownIdError,
)
from semsig.storage.checks import MAX_ID, Ids, as_ids
from semsig.storage.keys import keys_among
from semsig.storage.segment import Segment, merge, merge_signatures, no_rows
from semsig.types.record_spec import AnyBatch, AnySchema, records_of


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot:
    """The content of an index at one moment. It is immutable, so threads may share it.

    Parameters
    ----------
    schema : SbsSchema or SbovpSchema
        Schema of every signature.
    segments : tuple of Segment
        In order of insertion; live ids are distinct over all of them.
    next_id : int
        The smallest id never used.
    """

    schema: AnySchema
    segments: tuple[Segment, ...] = ()
    next_id: int = 0

    def __len__(self) -> int:
        return sum(map(len, self.segments))

    @property
    def is_compact(self) -> bool:
        """Whether all rows are in one segment and live."""
        return len(self.segments) < 2 and not any(len(part.dead) for part in self.segments)

    @cached_property
    def _ids_and_padding(self) -> NDArray[np.int64]:
        """Live ids in order of insertion, then -1: row -1 means no row."""
        parts = [segment.live_ids for segment in self.segments]
        ids = np.concatenate([*parts, np.array([-1], np.int64)])
        ids.flags.writeable = False
        return ids

    @property
    def ids(self) -> NDArray[np.int64]:
        """Live ids in order of insertion, shape (len(self),)."""
        return self._ids_and_padding[:-1]

    def ids_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ids of live rows; -1 for row -1."""
        return self._ids_and_padding[rows]

    def find(self, ids: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return, for each segment, the row of each id or -1."""
        return [segment.find(ids) for segment in self.segments]

    def locate(self, id_: int | str) -> tuple[Segment, int]:
        """Return the segment and row that hold one id or key.

        Raises
        ------
        UnknownIdError, OptionError
            If the id is absent, or is not a valid id.
        """
        number = self.numbers(id_)
        if len(number) != 1:
            raise OptionError(f"Expected one id or key, got {id_!r}.")
        for segment in self.segments:
            row = int(segment.find(number)[0])
            if row >= 0:
                return segment, row
        raise _unknown(int(number[0]))

    def id_of(self, key: str) -> int | None:
        """Return the id of a key; None if it is absent."""
        for segment in self.segments:
            row = segment.row_of_key(key)
            if row >= 0:
                return int(segment.ids[row])
        return None

    def numbers(self, ids: Ids) -> NDArray[np.int64]:
        """Return ids as :func:`as_ids` does, keys as the ids that they stand for.

        Raises
        ------
        UnknownIdError
            If a key is absent.
        OptionError
            If they are neither ids nor keys.
        """
        keys = keys_among(ids)
        if keys is None:
            return as_ids(ids)
        found = [self.id_of(key) for key in keys]
        if None in found:
            raise UnknownIdError(f"Key {keys[found.index(None)]!r} is not in the index.")
        return np.array(found, np.int64)

    def unused(self, count: int) -> NDArray[np.int64]:
        """Return the next `count` ids, ascending.

        Raises
        ------
        OptionError
            If fewer are left.
        """
        if self.next_id + count - 1 > MAX_ID:
            raise OptionError(f"No {count} ids are left after {self.next_id - 1}; give ids.")
        return np.arange(self.next_id, self.next_id + count, dtype=np.int64)

    def present(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which ids are held, shape (len(ids),)."""
        present = np.zeros(len(ids), np.bool_)
        for rows in self.find(ids):
            present |= rows >= 0
        return present

    def require(self, ids: NDArray[np.int64]) -> None:
        """Raise :class:`UnknownIdError` unless every id is held."""
        absent = ids[~self.present(ids)]
        if len(absent):
            raise _unknown(int(absent[0]))

    def mask(self, ids: Ids | None) -> NDArray[np.bool_] | None:
        """Return which live rows have one of `ids`; None, every row, for None."""
        if ids is None:
            return None
        numbers = self.numbers(ids)
        self.require(numbers)
        return np.isin(self.ids, numbers)

    def payloads(self) -> Iterator[str]:
        """Payloads in order of insertion."""
        for segment in self.segments:
            yield from segment.live_payloads()

    def batch(self) -> AnyBatch:
        """Return the live signatures in order of insertion; one whole segment is not copied."""
        if len(self.segments) == 1 and self.is_compact:
            return self.segments[0].batch(self.schema)
        if not self.segments:
            return empty_segment(self.schema).batch(self.schema)
        for segment in self.segments:
            segment.check_signatures(self.schema)
        arrays = merge_signatures(self.segments)
        for array in arrays.values():
            array.flags.writeable = False
        batch: AnyBatch = records_of(self.schema).batch(**arrays, schema=self.schema)
        return batch

    def merged(self) -> Segment:
        """Return all live rows as one segment."""
        return merge(self.segments) if self.segments else empty_segment(self.schema)

    def added(self, new: Segment) -> Snapshot:
        """Return the snapshot with one more segment.

        It is merged with the trailing segments that are not larger, so that N rows added in any
        portions make at most log2(N) + 1 segments and each row is rewritten at most that often.

        Raises
        ------
        DuplicateIdError
            If an id is held already.
        """
        present = new.ids[self.present(new.ids)]
        if len(present):
            raise DuplicateIdError(
                f"Id {present[0]} is in the index already; use replace, or leave ids out."
            )
        kept, tail, rows = list(self.segments), [new], len(new)
        while kept and len(kept[-1]) <= rows:
            tail.insert(0, kept.pop())
            rows += len(tail[0])
        next_id = max(self.next_id, int(new.ids.max()) + 1)
        return replace(self, segments=(*kept, merge(tail)), next_id=next_id)

    def removed(self, ids: NDArray[np.int64]) -> Snapshot:
        """Return the snapshot without `ids`.

        Raises
        ------
        UnknownIdError
            If an id is absent.
        """
        self.require(ids)
        found = zip(self.segments, self.find(ids), strict=True)
        left = (segment.without(rows[rows >= 0]) for segment, rows in found)
        return replace(self, segments=tuple(segment for segment in left if len(segment)))

    def compacted(self) -> Snapshot:
        """Return the snapshot with all live rows in one segment, in order of insertion."""
        return replace(self, segments=(self.merged(),) if len(self) else ())


def empty_segment(schema: AnySchema) -> Segment:
    """Return a segment without rows."""
    return Segment.of(records_of(schema).batch.of((), schema), no_rows(), ())


def _unknown(id_: int) -> UnknownIdError:
    return UnknownIdError(f"Id {id_} is not in the index; `ids` lists those that are.")
