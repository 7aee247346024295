"""Files that are there whole or not at all, and arrays in them."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from semsig.errors import IndexCorruptError, IndexWriteError
from semsig.index.storage.manifest import FileEntry

TEMPORARY = ".tmp"
"""Suffix of files that are being written."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a killed process leaves it as before or after."""
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("wb") as file:
        file.write(content)
        _to_disk(file)
    temporary.replace(path)


def write_array(path: Path, array: NDArray[Any]) -> FileEntry:
    """Write an .npy file as :func:`write_whole` does; return its size and checksum."""
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("wb") as file:
        sink = _HashingFile(file)
        np.lib.format.write_array(sink, array, allow_pickle=False)
        _to_disk(file)
    temporary.replace(path)
    return FileEntry(name=path.name, bytes=sink.size, sha256=sink.sha256.hexdigest())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the file to write in place of `path`, which replaces it at the end; none stays behind.

    Raises
    ------
    IndexWriteError
        If it cannot be written; a file that was there before is left as it was.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise IndexWriteError(f"Cannot write {path}: {error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def map_array(folder: Path, entry: FileEntry, dtype: DTypeLike, length: int) -> NDArray[Any]:
    """Map an .npy file read-only into memory, after checks that read its header only.

    Raises
    ------
    IndexCorruptError
        If the file is missing, or its size, dtype or shape is not as written.
    """
    path = folder / entry.name
    advice = "Restore it from a copy, or read the other segments: open(folder, damaged='skip')."
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            raise ValueError(f"{entry.bytes:,} bytes expected, {size:,} found")
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy's header parser lets damage surface as nearly anything
        raise IndexCorruptError(f"{path} is damaged: {error}. {advice}") from error
    ends = mapped.offset + mapped.nbytes
    if mapped.dtype != dtype or mapped.shape != (length,) or ends != size:
        raise IndexCorruptError(
            f"{path} is damaged: {np.dtype(dtype)} ({length},) up to byte {size} expected, "
            f"{mapped.dtype} {mapped.shape} up to {ends} found. {advice}"
        )
    return np.asarray(mapped)


def check_sum(folder: Path, entry: FileEntry) -> None:
    """Read a file and raise :class:`IndexCorruptError` unless it is as it was written."""
    path = folder / entry.name
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise IndexCorruptError(f"{path} is damaged: {error}.") from error
    if found != entry.sha256:
        raise IndexCorruptError(f"{path} is damaged: its checksum differs from the manifest's.")


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut; Windows does so by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _HashingFile:
    """A file that sums up what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        self.sha256.update(content)
        self.size += len(content)
        return self._file.write(content)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
