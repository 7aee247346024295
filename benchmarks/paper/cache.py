"""What was computed of photos, kept on disk, so that a run is resumed where it was stopped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Make = Callable[[Sequence[Path]], Iterable[Array]]
"""Takes photos and yields an array of each."""

MakeMore = Callable[[Sequence[Path]], Iterable[Sequence[Array]]]
"""Takes photos and yields several arrays of each."""


class Cache:
    """A folder of arrays, one file a photo and kind.

    Parameters
    ----------
    folder : Path
        Where the files go; made when needed.

    Attributes
    ----------
    made : int
        Arrays written since the start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0

    def arrays(self, kind: str, paths: Sequence[Path], make: Make) -> list[Array]:
        """Return an array a photo, made only where that was never done.

        Parameters
        ----------
        kind : str
            What the arrays are and what they depend on besides the photos.
        paths : sequence of Path
            The photos; known by their bytes, wherever they lie.
        make : callable
            What makes them.
        """
        return self.together([kind], paths, lambda missing: zip(make(missing)))[0]

    def together(
        self, kinds: Sequence[str], paths: Sequence[Path], make: MakeMore
    ) -> list[list[Array]]:
        """Return the arrays of several kinds that are made in one go."""
        folders = [self.folder / _digest(kind.encode()) for kind in kinds]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        files = {path: [folder / f"{_content(path)}.npy" for folder in folders] for path in paths}
        missing = [path for path, made in files.items() if not all(f.exists() for f in made)]
        for path, arrays in zip(missing, make(missing), strict=True):
            for file, array in zip(files[path], arrays, strict=True):
                _write(file, array)
                self.made += 1
        made = zip(*files.values(), strict=True)
        return [[np.load(file, allow_pickle=False) for file in kind] for kind in made]


def _content(path: Path) -> str:
    state = path.stat()
    return _hash(path, state.st_size, state.st_mtime_ns)


@cache
def _hash(path: Path, size: int, time: int) -> str:  # noqa: ARG001
    """Return what a file holds, as a digest; read again only when its size or time changes."""
    return _digest(path.read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _write(file: Path, array: Array) -> None:
    """Write all or nothing: a run may be stopped at any moment."""
    unfinished = file.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
    unfinished.replace(file)
