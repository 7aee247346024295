"""What the index remembers of a photo: where it is, and what it was when it was indexed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from semsig.errors import ImageError, IndexCorruptError

PhotoPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecord:
    """A photo as it was when it was indexed; stored as JSON with its signature.

    Parameters
    ----------
    path : str
        Absolute path.
    digest : str
        Hex BLAKE2b, 128 bit, of the file.
    size : int
        Bytes.
    mtime_ns : int
        Time of last change in nanoseconds since 1970.
    label_state : str
        State of its label map on disk; empty where a network made it.
    """

    path: str
    digest: str
    size: int
    mtime_ns: int
    label_state: str = ""

    @classmethod
    def of(cls, file: BinaryIO, path: str) -> PhotoRecord:
        """Read the open `file` from its start; `path` is its absolute path.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        try:
            status = os.fstat(file.fileno())
            file.seek(0)
            digest = _digest(file)
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error}", reason="unreadable") from error
        return cls(path=path, digest=digest, size=status.st_size, mtime_ns=status.st_mtime_ns)

    @property
    def is_fresh(self) -> bool:
        """Whether the file still has the size and time of change that were recorded."""
        try:
            status = Path(self.path).stat()
        except (OSError, ValueError):  # a name of another locale
            return False
        regular = stat.S_ISREG(status.st_mode)
        return regular and (status.st_size, status.st_mtime_ns) == (self.size, self.mtime_ns)

    def has_content_of(self, other: PhotoRecord) -> bool:
        """Whether photo and label map are, byte by byte, those of another record."""
        return (self.digest, self.label_state) == (other.digest, other.label_state)

    def to_json(self) -> str:
        """Return the record as ASCII: a file name that is no Unicode survives as well."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PhotoRecord:
        """Read back what :meth:`to_json` wrote.

        Raises
        ------
        IndexCorruptError
            If the text is something else.
        """
        try:
            record = cls(**json.loads(text))
            typed = all(isinstance(getattr(record, name), kind) for name, kind in _TYPES)
            if not typed or not record.path or "\0" in record.path:
                raise TypeError  # no file has such a name
            record.path.encode("utf-8", "surrogateescape")  # a ValueError where none can have it
        except (ValueError, TypeError, RecursionError) as error:
            raise IndexCorruptError(
                f"Expected a photo record with each signature; {text[:80]!r} came. "
                "Was this index made by HammingIndex alone?"
            ) from error
        return record


_TYPES = (("path", str), ("digest", str), ("size", int), ("mtime_ns", int), ("label_state", str))


def absolute(path: PhotoPath) -> str:
    """Return the absolute path, normalised, links kept; ``~`` is a name like any other."""
    return os.path.abspath(os.fspath(path))  # noqa: PTH100


def is_below(path: str, folder: str) -> bool:
    """Tell whether `path` is `folder` or lies in it; both absolute."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _digest(file: BinaryIO) -> str:
    hasher = hashlib.blake2b(digest_size=16)
    while chunk := file.read(1 << 20):
        hasher.update(chunk)
    return hasher.hexdigest()
