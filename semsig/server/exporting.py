"""Export hits as JSON, CSV, a list of paths, or a zip of the photos, written while it is sent."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import zipfile
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from semsig.durable import open_regular
from semsig.photo.record import portable
from semsig.server.problems import RefusedError
from semsig.server.searching import Ranked
from semsig.server.shelf import Shelf, shown_name

Kind = Literal["json", "csv", "paths", "zip"]
Pieces = Generator[bytes, None, None]

MOST_EXPORTED = 10_000
MOST_BYTES = 4 << 30
"""Largest number of bytes of photos in one zip."""
MEDIA_TYPES: dict[Kind, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "paths": "text/plain; charset=utf-8",
    "zip": "application/zip",
}
FILE_NAMES: dict[Kind, str] = {kind: f"photos.{kind}" for kind in MEDIA_TYPES} | {
    "paths": "photos.txt"
}

_COLUMNS = ("rank", "id", "name", "distance", "measure", "path")
_CHUNK = 1 << 20
"""Bytes of a photo that are held in memory at a time."""
_MOST_NAME = 120
"""Most characters of a name in a zip: with its rank it fits the 255 bytes of any file system."""


class Sending(StreamingResponse):
    """A response of pieces that closes its files when it ends, even if the client disconnects."""

    def __init__(self, pieces: Pieces, **how: Any) -> None:
        super().__init__(pieces, **how)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pieces.close()


def exported(
    shelf: Shelf, hits: Sequence[Ranked], kind: Kind, *, most_bytes: int = MOST_BYTES
) -> Pieces:
    """Return hits as a file, piece by piece.

    Parameters
    ----------
    shelf : Shelf
        The index.
    hits : sequence of Ranked
        The hits.
    kind : {"json", "csv", "paths", "zip"}
        The format. A zip holds the unchanged photos, named by rank and name, the CSV, and a list
        of the photos that can no longer be read.
    most_bytes : int
        Largest number of bytes of photos in a zip.

    Raises
    ------
    RefusedError
        If the photos have more bytes; raised before anything is written.
    """
    records = [shelf.record(hit.id) for hit in hits]
    paths = [record.path for record in records]
    if kind == "zip":
        total = sum(record.size for record in records)
        if total > most_bytes:
            raise RefusedError(
                f"Expected at most {most_bytes:,} bytes of photos, got {total:,}; take fewer.",
                status=413,
            )
        return _zipped(hits, paths)
    write: dict[str, Callable[..., str]] = {"json": _json, "csv": _csv, "paths": _paths}
    return (piece for piece in [_encoded(write[kind](hits, paths))])


def _encoded(text: str) -> bytes:
    """Return a text as UTF-8; a path that is not Unicode keeps the bytes of the file system."""
    return text.encode("utf-8", "surrogateescape")


def _rows(hits: Sequence[Ranked], paths: Sequence[str]) -> Iterator[dict[str, object]]:
    for hit, path in zip(hits, paths, strict=True):
        facts = hit._asdict() | {"name": shown_name(path), "path": portable(path)}
        yield {name: facts[name] for name in _COLUMNS}


def _json(hits: Sequence[Ranked], paths: Sequence[str]) -> str:
    """Return ASCII JSON: escapes keep file names that are not valid Unicode."""
    return json.dumps(list(_rows(hits, paths)), indent=1) + "\n"


def _csv(hits: Sequence[Ranked], paths: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    writer.writerows(_rows(hits, paths))
    return text.getvalue()


def _paths(_: Sequence[Ranked], paths: Sequence[str]) -> str:
    return "".join(f"{portable(path)}\n" for path in paths)


class _Pipe(io.RawIOBase):
    """A buffer that keeps what is written to it until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._parts.append(bytes(data))  # type: ignore[call-overload]
        return len(self._parts[-1])

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def _zipped(hits: Sequence[Ranked], paths: Sequence[str]) -> Pieces:
    """Yield a zip of the photos, not compressed again: photos are compressed already."""
    pipe, lost = _Pipe(), []
    digits = len(str(hits[-1].rank)) if hits else 1
    with zipfile.ZipFile(pipe, "w") as archive:
        for hit, path in zip(hits, paths, strict=True):
            try:
                for _ in _put(archive, f"{hit.rank:0{digits}} {_plain(shown_name(path))}", path):
                    yield pipe.take()
            except OSError:
                lost.append(path)
        archive.writestr("photos.csv", _encoded(_csv(hits, paths)))
        if lost:
            archive.writestr("unreadable.txt", _encoded(_paths(hits, lost)))
    yield pipe.take()


def _put(archive: zipfile.ZipFile, name: str, path: str) -> Iterator[None]:
    """Write a photo's bytes into a zip, one chunk per step; OSError if it cannot be read."""
    with open_regular(path) as photo:
        if os.fstat(photo.fileno()).st_size > zipfile.ZIP64_LIMIT:
            raise OSError(errno.EFBIG, "has more bytes than a plain zip's entry", path)
        with archive.open(name, "w") as entry:
            while chunk := photo.read(_CHUNK):
                entry.write(chunk)
                yield


def _plain(name: str) -> str:
    """Return a name that is valid on any file system and contains no path."""
    safe = "".join("_" if c in '<>:"/\\|?*' or not c.isprintable() else c for c in name)
    stem, suffix = Path(safe).stem, Path(safe).suffix[:12]
    return f"{stem[: _MOST_NAME - len(suffix)]}{suffix}"
