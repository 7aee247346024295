"""Finding photos and indexes that were moved, so that no signature is computed twice."""

from __future__ import annotations

import os
from collections.abc import Iterable
from threading import Lock

from semsig.photo import PhotoPath, PhotoRecord, absolute, is_gone, native, portable
from semsig.search import HammingIndex

FOLDER = "folder"
"""Key of an index's meta: the folder that it was made in."""


class Moves:
    """Photos of an index whose files are gone, to be found again by their content.

    Parameters
    ----------
    known : iterable of (int, PhotoRecord)
        Id and record of every photo.
    """

    def __init__(self, known: Iterable[tuple[int, PhotoRecord]]) -> None:
        self._by_content: dict[tuple[str, str], list[tuple[int, PhotoRecord]]] = {}
        for id_, record in known:
            if record.is_upload:  # it has no file that could move
                continue
            self._by_content.setdefault(_content(record), []).append((id_, record))
        self._lock = Lock()

    def claim(self, found: PhotoRecord) -> tuple[int, PhotoRecord] | None:
        """Return id and record of a photo that is gone from its path; each id only once."""
        with self._lock:
            candidates = self._by_content.get(_content(found), [])
            for place, (_, record) in enumerate(candidates):
                if is_gone(record.path):
                    return candidates.pop(place)
        return None


def _content(record: PhotoRecord) -> tuple[str, str]:
    return record.digest, record.label_state


def folder_of(path: PhotoPath | None) -> dict[str, str]:
    """Return the entry of meta that names the index's folder; none for an index in memory."""
    return {} if path is None else {FOLDER: portable(absolute(path))}


def moved_along(index: HammingIndex, path: str) -> str:
    """Return where a file is that an index remembers by an absolute path.

    If it is gone, and the index was moved, it is looked for where it lies as seen from the index.
    """
    before = index.meta.get(FOLDER)
    if before is None or index.path is None or not os.path.isabs(path):  # noqa: PTH117
        return path
    now, home = absolute(index.path), native(before)
    if now == home or not is_gone(path):
        return path
    beside = absolute(os.path.join(now, os.path.relpath(path, home)))  # noqa: PTH118
    return path if is_gone(beside) else beside
