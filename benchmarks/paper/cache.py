"""What was computed of photos, kept on disk, so that a run is resumed where it was stopped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Make = Callable[[Sequence[Path]], Iterable[Array]]
"""Takes photos and yields an array of each."""


class Cache:
    """A folder of arrays, one file a photo and kind.

    Parameters
    ----------
    folder : Path
        Where the files go; made when needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def arrays(self, kind: str, paths: Sequence[Path], make: Make) -> list[Array]:
        """Return an array a photo, made only where that was never done.

        Parameters
        ----------
        kind : str
            What the arrays are and what they depend on besides the photos.
        paths : sequence of Path
            The photos; known by path, size and time of change.
        make : callable
            What makes them.
        """
        folder = self.folder / _digest(kind)
        folder.mkdir(parents=True, exist_ok=True)
        files = {path: folder / f"{_digest(_state(path))}.npy" for path in paths}
        missing = [path for path, file in files.items() if not file.exists()]
        for path, array in zip(missing, make(missing), strict=True):
            _write(files[path], array)
        return [np.load(file, allow_pickle=False) for file in files.values()]


def _state(path: Path) -> str:
    found = path.stat()
    return f"{path.absolute()} {found.st_size} {found.st_mtime_ns}"


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:32]


def _write(file: Path, array: Array) -> None:
    """Write all or nothing: a run may be stopped at any moment."""
    unfinished = file.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
    unfinished.replace(file)
