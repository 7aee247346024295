"""The manifest: the one file that says what an index folder holds."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from semsig.documents import MAX_NUMBER, items, parse_json, text, whole
from semsig.errors import IndexCorruptError, IndexFormatError, SemsigError
from semsig.types.record_spec import AnySchema, records_by_format, records_of

MANIFEST = "manifest.json"
VERSION = 1
_MOST_COMMITS = 10**15
"""Largest generation: enough for a thousand commits per second for thirty thousand years, so that
a manifest with a greater one is damaged."""

SEGMENT_NAME = re.compile(r"segment-\d{6,}")
FILE_NAME = re.compile(SEGMENT_NAME.pattern + r"(-removed-\d{6,}|\.[a-z_]+)\.npy")
"""Names of data files; no other file of the folder is ever read or deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A data file as it was written: name, size in bytes and hex SHA-256."""

    name: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if not FILE_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a data file")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEntry:
    """A segment: its stem, its row count, one file per array and one for the dead rows.

    `n_cells` counts the values of all its rows: cells of an SBS, columns of a histogram.
    """

    name: str
    rows: int
    n_cells: int
    payload_bytes: int
    files: Mapping[str, FileEntry]
    dead: int = 0
    removed: FileEntry | None = None

    def __post_init__(self) -> None:
        if not SEGMENT_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a segment")

    def all_files(self) -> tuple[FileEntry, ...]:
        """Return every file of the segment."""
        return (*self.files.values(), *([self.removed] if self.removed else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that an index folder holds.

    Parameters
    ----------
    generation : int
        Grows by one per commit; files are named by the generation that wrote them.
    schema : SbsSchema or SbovpSchema
        Schema of every signature.
    meta : mapping of str to str
        Whatever the index's creator stored with it.
    next_id : int
        The smallest id never used.
    segments : tuple of SegmentEntry
        In order of insertion.
    """

    generation: int = 0
    schema: AnySchema
    meta: Mapping[str, str] = field(default_factory=dict)
    next_id: int = 0
    segments: tuple[SegmentEntry, ...] = ()

    def all_files(self) -> tuple[FileEntry, ...]:
        """Return every data file of the index."""
        return tuple(file for segment in self.segments for file in segment.all_files())

    def to_json(self) -> bytes:
        """Return the file's content: JSON with a checksum of itself."""
        document = {
            "format": records_of(self.schema).format,
            "version": VERSION,
            "generation": self.generation,
            "schema": self.schema.to_json(),
            "meta": dict(self.meta),
            "next_id": self.next_id,
            "segments": [asdict(segment) for segment in self.segments],
        }
        return json.dumps({**document, "sha256": _checksum(document)}, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """Read the file's content.

        Raises
        ------
        IndexFormatError
            If it is no manifest of this format and version.
        IndexCorruptError
            If it was changed since it was written.
        """
        document = _checked(content)
        try:
            return _manifest(document)
        except (
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
            ArithmeticError,
            SemsigError,
        ) as error:
            raise IndexFormatError(
                f"{MANIFEST} is not as {document['format']} {VERSION} has it: {error!r}"
            ) from error


def _checksum(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _checked(content: bytes) -> dict[str, Any]:
    try:
        document = parse_json(content)
    except ValueError as error:
        raise IndexCorruptError(
            f"{MANIFEST} is damaged: {error}. Restore it from a copy."
        ) from error
    formats = records_by_format()
    if not isinstance(document, dict) or str(document.get("format")) not in formats:
        raise IndexFormatError(
            f"{MANIFEST} is not of a semsig index: expected format {' or '.join(formats)}. "
            "Is it another program's folder?"
        )
    if document.get("version") != VERSION:
        raise IndexFormatError(
            f"The index has format version {document.get('version')!r}; this semsig reads "
            f"version {VERSION}. Update semsig, or build the index again."
        )
    if document.pop("sha256", None) != _checksum(document):
        raise IndexCorruptError(
            f"{MANIFEST} is damaged: its checksum differs. Restore it from a copy."
        )
    return document


def _manifest(document: Mapping[str, Any]) -> Manifest:
    return Manifest(
        generation=_count(document["generation"], _MOST_COMMITS),
        schema=records_by_format()[document["format"]].schema.from_json(document["schema"]),
        meta={_text(key): _text(value) for key, value in document["meta"].items()},
        next_id=_count(document["next_id"]),
        segments=tuple(map(_segment, _list(document["segments"]))),
    )


def _segment(entry: Mapping[str, Any]) -> SegmentEntry:
    segment = SegmentEntry(
        name=_text(entry["name"]),
        rows=_count(entry["rows"]),
        n_cells=_count(entry["n_cells"]),
        payload_bytes=_count(entry["payload_bytes"]),
        files={_text(key): _file(file) for key, file in entry["files"].items()},
        dead=_count(entry["dead"]),
        removed=_file(entry["removed"]) if entry["removed"] is not None else None,
    )
    if segment.dead > segment.rows or (segment.dead > 0) != (segment.removed is not None):
        raise ValueError(f"{segment.name} has {segment.rows} rows, {segment.dead} of them removed")
    return segment


def _file(entry: Mapping[str, Any]) -> FileEntry:
    return FileEntry(
        name=_text(entry["name"]), bytes=_count(entry["bytes"]), sha256=_text(entry["sha256"])
    )


def _count(value: object, most: int = MAX_NUMBER) -> int:
    return whole(value, "a count", 0, most)


def _text(value: object) -> str:
    return text(value, "an entry")


def _list(value: object) -> list[Any]:
    return items(value, "segments")
