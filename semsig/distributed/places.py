"""Folders of any file system that fsspec knows: local, S3, in memory, and others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Self

from semsig.durable import make_folder, open_regular, read_regular, writing
from semsig.errors import IndexStorageError, IndexWriteError
from semsig.interop.exporting import require

LEAST_FSSPEC = "2024.2"
_CHUNK = 1 << 20


class Place:
    """A folder, by path or by URL such as ``s3://bucket/index``.

    Parameters
    ----------
    where : Path or str
        A path, or a URL whose scheme fsspec knows; other schemes need their own packages.

    Raises
    ------
    IndexStorageError
        If there is no driver for the scheme.
    EngineError
        If ``fsspec`` is absent.
    """

    def __init__(self, where: Path | str) -> None:
        core = require("fsspec.core", "fsspec", LEAST_FSSPEC)
        try:
            self._fs, path = core.url_to_fs(str(where))
        except (ValueError, ImportError) as error:
            raise IndexStorageError(f"Expected a path or URL that can be read: {error}") from error
        self._path = path.rstrip("/")
        self._where = str(where).rstrip("/")

    def __str__(self) -> str:
        return self._where

    @property
    def local(self) -> Path | None:
        """The folder on this machine; None where it is elsewhere."""
        return Path(self._path) if "file" in _schemes(self._fs) else None

    def __truediv__(self, name: str) -> Self:
        return type(self)(f"{self._where}/{name}")

    def names(self) -> list[str]:
        """Return the files below, as paths relative to the folder, sorted; none if it is absent."""
        self._fs.invalidate_cache()  # to see what others have written since
        found = self._fs.find(self._path) if self._fs.exists(self._path) else []
        return sorted(path[len(self._path) + 1 :] for path in found)

    def read(self, name: str) -> bytes:
        """Return a file's content; FileNotFoundError if there is none."""
        if self.local is not None:
            return read_regular(self.local / name)
        content: bytes = self._fs.cat_file(f"{self._path}/{name}")
        return content

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for reading; FileNotFoundError if there is none."""
        local = self.local
        with (
            self._fs.open(f"{self._path}/{name}", "rb")
            if local is None
            else open_regular(local / name)
        ) as file:
            yield file

    @contextmanager
    def written(self, name: str) -> Iterator[BinaryIO]:
        """Yield a file to write to, which appears when it is complete.

        Raises
        ------
        IndexWriteError
            If it cannot be written.
        """
        try:
            if self.local is not None:
                make_folder((self.local / name).parent)
                with writing(self.local / name) as file:
                    yield file
            else:
                self._fs.makedirs(f"{self._path}/{name}".rpartition("/")[0], exist_ok=True)
                with self._fs.open(f"{self._path}/{name}", "wb") as file:
                    yield file
        except OSError as error:
            raise IndexWriteError(f"Cannot write {self}/{name}: {error}") from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file, completely or not at all."""
        with self.written(name) as file:
            file.write(content)

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._path}/{name}")

    def digest(self, name: str) -> str:
        """Return the hex SHA-256 of a file; FileNotFoundError if there is none."""
        with self.opened(name) as file:
            return copied(file, None)


def copied(source: BinaryIO, target: Any) -> str:
    """Copy an open file to another, or nowhere; return the hex SHA-256 of what was read."""
    hasher = sha256()
    while chunk := source.read(_CHUNK):
        hasher.update(chunk)
        if target is not None:
            target.write(chunk)
    return hasher.hexdigest()


def _schemes(filesystem: Any) -> tuple[str, ...]:
    found = filesystem.protocol
    return (found,) if isinstance(found, str) else tuple(found)
