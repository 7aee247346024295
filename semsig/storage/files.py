"""Files that are written completely or not at all, and arrays in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from semsig.durable import open_inside, sync_file, sync_folder
from semsig.errors import IndexCorruptError, IndexWriteError
from semsig.storage.manifest import FileEntry

TEMPORARY = ".tmp"
"""Suffix of files that are being written."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a killed process leaves it as before or after."""
    temporary = path.with_name(path.name + TEMPORARY)
    with _created(temporary) as file:
        file.write(content)
        sync_file(file)
    temporary.replace(path)


def _created(path: Path) -> BinaryIO:
    """Create a file; whatever has its name already, a link perhaps, is replaced, not written to."""
    path.unlink(missing_ok=True)
    return os.fdopen(
        open_inside(path.parent, path.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb"
    )


def write_array(path: Path, array: NDArray[Any]) -> FileEntry:
    """Write an .npy file as :func:`write_whole` does; return its size and checksum."""
    temporary = path.with_name(path.name + TEMPORARY)
    with _created(temporary) as file:
        sink = _HashingFile(file)
        np.lib.format.write_array(sink, array, allow_pickle=False)
        sync_file(file)
    temporary.replace(path)
    return FileEntry(name=path.name, bytes=sink.size, sha256=sink.sha256.hexdigest())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces `path` at the end, and is deleted after an error.

    Raises
    ------
    IndexWriteError
        If it cannot be written; a file that was there before is left as it was.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            sync_file(file)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise IndexWriteError(f"Cannot write {path}: {error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def check_sum(folder: Path, entry: FileEntry) -> None:
    """Read a file and raise :class:`IndexCorruptError` unless it is as it was written."""
    path = folder / entry.name
    try:
        with os.fdopen(open_inside(folder, entry.name), "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise IndexCorruptError(f"{path} is damaged: {error}.") from error
    if found != entry.sha256:
        raise IndexCorruptError(f"{path} is damaged: its checksum differs from the manifest's.")


class _HashingFile:
    """A file that computes the checksum of what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        self.sha256.update(content)
        self.size += len(content)
        return self._file.write(content)
