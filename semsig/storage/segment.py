"""A segment: rows that were written together, as flat arrays and a list of dead rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import IndexCorruptError, SignatureError
from semsig.storage.columns import Column, HeldColumn
from semsig.storage.keys import MARK, read_texts
from semsig.storage.manifest import SegmentEntry
from semsig.types.record_spec import AnyBatch, AnySchema, AnySignature, records_of

OWN = ("offsets", "ids", "payloads", "payload_offsets")
"""Arrays that every segment has besides those of its signatures."""

_TEXTS_AT_ONCE = 4096


def no_rows() -> NDArray[np.int64]:
    """Return an empty array of rows."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class Segment:
    """Rows that were written together, in read-only arrays; ids are distinct within a segment.

    Parameters
    ----------
    columns : mapping of str to Column
        The arrays of the signatures' kind, one signature after the other, and those of
        :data:`OWN`, whose properties say what they hold.
    dead : ndarray of int64, shape (D,)
        Rows that were removed, ascending.
    entry : SegmentEntry, optional
        Its files; None while it is in memory only.
    sources : tuple of Segment
        Segments with files whose rows were copied into this one.
    """

    columns: Mapping[str, Column]
    dead: NDArray[np.int64] = field(default_factory=no_rows)
    entry: SegmentEntry | None = None
    sources: tuple[Segment, ...] = ()

    def __post_init__(self) -> None:
        self.dead.flags.writeable = False

    @classmethod
    def of(cls, batch: AnyBatch, ids: NDArray[np.int64], payloads: Sequence[bytes]) -> Segment:
        """Copy rows into a new segment; `payloads` has one per row, or is empty."""
        values = records_of(batch.schema).values(batch)
        lengths = np.zeros(len(ids), np.int64)
        if payloads:
            lengths[:] = [len(payload) for payload in payloads]
        arrays = {key: array.copy() for key, array in values.items()}
        arrays |= {
            "offsets": batch.offsets.copy(),
            "ids": ids.copy(),
            "payloads": np.frombuffer(b"".join(payloads), np.uint8),
            "payload_offsets": _starts(lengths),
        }
        return cls(columns={key: HeldColumn(array) for key, array in arrays.items()})

    def __len__(self) -> int:
        return self.n_rows - len(self.dead)

    @property
    def n_rows(self) -> int:
        """Number of rows, dead ones included."""
        return self.columns["ids"].length

    @property
    def n_values(self) -> int:
        """Length of each array of values."""
        return next(c.length for key, c in self.columns.items() if key not in OWN)

    @property
    def values(self) -> dict[str, NDArray[Any]]:
        """The arrays of the signatures' kind, each of shape (offsets[-1],)."""
        return {key: c.array for key, c in self.columns.items() if key not in OWN}

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Row i has the values ``offsets[i]:offsets[i + 1]``, shape (N + 1,)."""
        return self.columns["offsets"].array

    @property
    def ids(self) -> NDArray[np.int64]:
        """One id per row, in order of insertion, shape (N,)."""
        return self.columns["ids"].array

    @property
    def payload_offsets(self) -> NDArray[np.int64]:
        """Row i has bytes ``payload_offsets[i]:payload_offsets[i + 1]`` of the payloads."""
        return self.columns["payload_offsets"].array

    def prove(self) -> None:
        """Read the whole segment; :class:`IndexCorruptError` unless it is as it was written."""
        for column in self.columns.values():
            column.prove()

    @property
    def name(self) -> str:
        """Stem of its files."""
        return self.entry.name if self.entry else "a segment in memory"

    @cached_property
    def alive(self) -> NDArray[np.bool_]:
        """Which rows were not removed, shape (N,)."""
        alive = np.ones(self.n_rows, np.bool_)
        alive[self.dead] = False
        return alive

    @cached_property
    def live_ids(self) -> NDArray[np.int64]:
        """Ids of the rows that were not removed, in order of insertion."""
        return self.ids[self.alive] if len(self.dead) else self.ids

    @cached_property
    def _order(self) -> NDArray[np.int64] | None:
        """Rows by ascending id, or None where they ascend already."""
        return None if (self.ids[1:] > self.ids[:-1]).all() else np.argsort(self.ids)

    @cached_property
    def _sorted_ids(self) -> NDArray[np.int64]:
        return self.ids if self._order is None else self.ids[self._order]

    def find(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each id, shape (len(ids),); -1 where absent or removed."""
        if not len(self):
            return np.full(len(ids), -1, np.int64)
        slots = np.minimum(np.searchsorted(self._sorted_ids, ids), len(self.ids) - 1)
        rows = slots if self._order is None else self._order[slots]
        return np.where((self.ids[rows] == ids) & self.alive[rows], rows, -1)

    @cached_property
    def _rows_by_key(self) -> dict[str, int]:
        """Row of each key, removed ones as well."""
        starts = self.payload_offsets[:-1]
        rows = np.flatnonzero(np.diff(self.payload_offsets) > 0)
        rows = rows[self.columns["payloads"].array[starts[rows]] == ord(MARK)]
        keys, _ = read_texts(self._texts(rows.tolist()))
        pairs = zip(keys, rows.tolist(), strict=True)
        return {key: row for key, row in pairs if key is not None}

    def row_of_key(self, key: str) -> int:
        """Return the row of a key; -1 where it is absent or removed."""
        row = self._rows_by_key.get(key, -1)
        return row if row >= 0 and self.alive[row] else -1

    def without(self, rows: NDArray[np.int64]) -> Segment:
        """Return the segment with `rows` dead as well; the arrays are shared."""
        if not len(rows):
            return self
        left = replace(self, dead=np.union1d(self.dead, rows))
        if "_rows_by_key" in self.__dict__:  # they are of all rows, and costly to read again
            left.__dict__["_rows_by_key"] = self._rows_by_key
        return left

    def signature(self, row: int, schema: AnySchema) -> AnySignature:
        """Return the signature of one row; IndexCorruptError if it is damaged."""
        own = slice(self.offsets[row], self.offsets[row + 1])
        values = {key: array[own] for key, array in self.values.items()}
        try:
            signature: AnySignature = records_of(schema).signature(**values, schema=schema)
        except SignatureError as error:
            raise self._damaged(next(iter(values)), str(error)) from error
        return signature

    def payload(self, row: int) -> str:
        """Return the payload of one row; IndexCorruptError if it is damaged."""
        return next(self._texts([row]))

    def live_payloads(self) -> Iterator[str]:
        """Payloads of the rows that were not removed, in order of insertion."""
        return self._texts(np.flatnonzero(self.alive).tolist())

    def _texts(self, rows: Sequence[int]) -> Iterator[str]:
        """Texts of ascending rows, read some thousand at a time."""
        offsets, column = self.payload_offsets, self.columns["payloads"]
        for at in range(0, len(rows), _TEXTS_AT_ONCE):
            some = rows[at : at + _TEXTS_AT_ONCE]
            starts, stops = offsets[:-1][some].tolist(), offsets[1:][some].tolist()
            first = starts[0]
            text = column.part(first, stops[-1])
            for start, stop in zip(starts, stops, strict=True):
                if not first <= start <= stop:
                    raise self._damaged("payload_offsets", "they do not ascend")
                try:
                    yield str(text[start - first : stop - first], "utf-8")
                except UnicodeDecodeError as error:
                    raise self._damaged("payloads", str(error)) from error

    def batch(self, schema: AnySchema) -> AnyBatch:
        """Return all rows' signatures, checked, because kernels do not check bounds.

        Raises
        ------
        IndexCorruptError
            If offsets do not ascend or a value is out of range.
        """
        self.check_signatures(schema)
        batch: AnyBatch = records_of(schema).batch(
            **self.values, offsets=self.offsets, schema=schema
        )
        return batch

    def check_signatures(self, schema: AnySchema) -> None:
        """Check the values; raise as :meth:`batch` does."""
        self.check_offsets()
        for key, (least, greatest) in records_of(schema).limits(schema).items():
            values = self.columns[key].array
            low = values.min(initial=greatest).item()
            high = values.max(initial=least).item()
            if not (
                low >= least and high <= greatest
            ):  # written so that a NaN counts as damage, too
                raise self._damaged(key, f"it holds {low}..{high}, not {least}..{greatest}")

    def check_offsets(self) -> None:
        """Raise :class:`IndexCorruptError` unless the offsets cut the values into rows."""
        if not _cuts(self.offsets, self.n_values):
            raise self._damaged("offsets", "they do not ascend")

    def check_payload_offsets(self) -> None:
        """Raise :class:`IndexCorruptError` unless they cut the payloads into rows."""
        if not _cuts(self.payload_offsets, self.columns["payloads"].length):
            raise self._damaged("payload_offsets", "they do not ascend")

    def _damaged(self, key: str, reason: str) -> IndexCorruptError:
        return IndexCorruptError(f"{self.name}.{key}.npy is damaged: {reason}. Run verify.")


def merge(segments: Sequence[Segment]) -> Segment:
    """Return one segment of all live rows, in order of insertion; no copy if there is only one."""
    if len(segments) == 1 and not len(segments[0].dead):
        return segments[0]
    for part in segments:
        part.check_payload_offsets()
    payloads = [
        _take(part.columns["payloads"].array, part.payload_offsets, part.alive) for part in segments
    ]
    lengths = [np.diff(part.payload_offsets)[part.alive] for part in segments]
    arrays = merge_signatures(segments) | {
        "ids": np.concatenate([part.live_ids for part in segments]),
        "payloads": np.concatenate(payloads),
        "payload_offsets": _starts(np.concatenate(lengths)),
    }
    return Segment(
        columns={key: HeldColumn(array) for key, array in arrays.items()},
        sources=tuple(part for part in segments if part.entry),
    )


def merge_signatures(segments: Sequence[Segment]) -> dict[str, NDArray[Any]]:
    """Return values and offsets of all live rows, by name, in order of insertion."""
    for part in segments:
        part.check_offsets()
    lengths = [np.diff(part.offsets)[part.alive] for part in segments]
    merged = {
        key: np.concatenate([_take(p.columns[key].array, p.offsets, p.alive) for p in segments])
        for key in segments[0].columns
        if key not in OWN
    }
    return merged | {"offsets": _starts(np.concatenate(lengths))}


def _cuts(offsets: NDArray[np.int64], length: int) -> bool:
    ascends = bool((offsets[1:] >= offsets[:-1]).all())
    return ascends and bool(offsets[0] == 0) and bool(offsets[-1] == length)


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _take(
    values: NDArray[Any], offsets: NDArray[np.int64], keep: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return the values of the rows to keep."""
    return values if keep.all() else values[np.repeat(keep, np.diff(offsets))]
