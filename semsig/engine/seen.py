"""A cache of the last photos read, with the network's results."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from semsig.photo import PhotoPath
from semsig.photo.record import absolute
from semsig.signatures import Inputs

_KEPT = 2
"""Number of photos kept: an explanation needs two."""

_MOST_BYTES = 1 << 24
"""Largest photo kept, in bytes of pixels; photos decoded for a network are far below."""

Stamp = tuple[int, int, int, int, int]


class SeenPhotos:
    """Keeps the last photos read, so that a search, its reasons and its page share one pass.

    A photo whose file was changed or replaced since is not returned. Threads may share it.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Stamp, Inputs]] = OrderedDict()
        self._lock = Lock()

    def get(self, path: PhotoPath) -> Inputs | None:
        """Return a kept photo; None if it is not kept, or its file has changed."""
        with self._lock:
            found = self._kept.get(absolute(path))
        return found[1] if found is not None and found[0] == stamp(path) else None

    def keep(self, path: PhotoPath, taken: Stamp | None, photo: Inputs) -> None:
        """Keep a photo, read after its file's stamp was taken."""
        if taken is None or photo.n_bytes > _MOST_BYTES:
            return
        with self._lock:
            self._kept[absolute(path)] = taken, photo
            self._kept.move_to_end(absolute(path))
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def stamp(path: PhotoPath) -> Stamp | None:
    """Return what tells one state of a file from another; None if it cannot be looked at."""
    try:
        status = Path(os.fspath(path)).stat()
    except (OSError, ValueError):
        return None
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
