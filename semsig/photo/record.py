"""What the index remembers of a photo: where it is, and what it was when it was indexed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from semsig.errors import ImageError, IndexCorruptError, OptionError
from semsig.types import Image

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
    payload : JSON value
        What an application keeps with the photo; None where it keeps nothing.
    """

    path: str
    digest: str
    size: int
    mtime_ns: int
    label_state: str = ""
    payload: Any = None

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

    @classmethod
    def of_upload(cls, image: Image, key: str, payload: Any) -> PhotoRecord:
        """Return the record of pixels that are not in a file, under the application's own key."""
        pixels = np.ascontiguousarray(image)
        digest = hashlib.blake2b(pixels.data, digest_size=16).hexdigest()
        return cls(path=key, digest=digest, size=pixels.nbytes, mtime_ns=_NO_FILE, payload=payload)

    @property
    def is_upload(self) -> bool:
        """Whether the photo is not in a file."""
        return self.mtime_ns == _NO_FILE

    @property
    def is_fresh(self) -> bool:
        """Whether the file still has the size and time of change that were recorded."""
        if self.is_upload:
            return True
        try:
            status = Path(self.path).stat()
        except (OSError, ValueError):  # a name of another locale
            return False
        regular = stat.S_ISREG(status.st_mode)
        return regular and (status.st_size, status.st_mtime_ns) == (self.size, self.mtime_ns)

    def has_content_of(self, other: PhotoRecord) -> bool:
        """Whether photo and label map have the same bytes as those of another record."""
        return (self.digest, self.label_state) == (other.digest, other.label_state)

    def to_json(self) -> str:
        """Return the record as ASCII, the same in any locale, also of names that are no text.

        Raises
        ------
        OptionError
            If the payload is nothing that JSON can hold.
        """
        facts = asdict(self) | {"path": portable(self.path)}
        if self.payload is None:
            del facts["payload"]
        try:
            return json.dumps(facts, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            kind = type(self.payload).__name__
            raise OptionError(
                f"Expected a payload that JSON can hold, got {kind}: {error}."
            ) from error

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
            return replace(record, path=native(record.path))
        except (ValueError, TypeError, RecursionError) as error:
            raise IndexCorruptError(
                f"Expected a photo record with each signature, got {text[:80]!r}. "
                "Was this index made by HammingIndex alone?"
            ) from error


_NO_FILE = -1
"""Time of change of a photo that no file holds."""

_TYPES = (("path", str), ("digest", str), ("size", int), ("mtime_ns", int), ("label_state", str))


def portable(path: str) -> str:
    """Return a path as text that means the same file in any locale: its bytes, read as UTF-8."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def native(text: str) -> str:
    """Undo :func:`portable`: return the path as this locale spells it."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def absolute(path: PhotoPath) -> str:
    """Return the absolute path, normalised, links kept; ``~`` is a name like any other.

    Raises
    ------
    OptionError
        If it is no path.
    """
    if not isinstance(path, str | os.PathLike):
        raise OptionError(f"Expected a photo's path, got {type(path).__name__}.")
    return os.path.abspath(os.fspath(path))  # noqa: PTH100


def is_gone(path: str) -> bool:
    """Tell whether there is certainly no such file; False if that cannot be determined."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def is_below(path: str, folder: str) -> bool:
    """Tell whether `path` is `folder` or lies in it; both absolute."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _digest(file: BinaryIO) -> str:
    hasher = hashlib.blake2b(digest_size=16)
    while chunk := file.read(1 << 20):
        hasher.update(chunk)
    return hasher.hexdigest()
