"""What the index remembers of a photo: where it is, and what it was when it was indexed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from semsig.errors import ImageError, IndexCorruptError, SegmenterError
from semsig.segment import PathSegmenter, Segmenter, segment_path
from semsig.types import LabelMap

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
    def of(cls, path: str) -> PhotoRecord:
        """Read the file at the absolute `path`.

        Raises
        ------
        ImageError
            If it cannot be read or is no regular file.
        """
        try:
            size, mtime_ns = _size_and_time(path)
            with Path(path).open("rb") as file:
                digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error}", reason="unreadable") from error
        return cls(path=path, digest=digest.hexdigest(), size=size, mtime_ns=mtime_ns)

    @property
    def is_fresh(self) -> bool:
        """Whether the file still has the size and time of change that were recorded."""
        try:
            return _size_and_time(self.path) == (self.size, self.mtime_ns)
        except OSError:
            return False

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
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise IndexCorruptError(
                f"Expected a photo record with each signature; {text[:80]!r} came. "
                "Was this index made by HammingIndex alone?"
            ) from error


def label_map_at(segmenter: Segmenter, path: PhotoPath) -> LabelMap:
    """Segment the photo at `path`.

    Raises
    ------
    ImageError
        If it cannot be read, or has no label map where those are on disk ("no-label-map").
    SegmenterError
        If the network fails.
    """
    try:
        return segment_path(segmenter, path)
    except SegmenterError as error:
        if not isinstance(segmenter, PathSegmenter):
            raise
        raise ImageError(str(error), reason="no-label-map") from error


def absolute(path: PhotoPath) -> str:
    """Return the absolute path, normalised, links kept; ``~`` is a name like any other."""
    return os.path.abspath(os.fspath(path))  # noqa: PTH100


def is_below(path: str, folder: str) -> bool:
    """Tell whether `path` is `folder` or lies in it; both absolute."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _size_and_time(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    may_block = not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode))
    if may_block:
        raise OSError("not a regular file")
    return status.st_size, status.st_mtime_ns
