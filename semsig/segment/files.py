"""Label maps made elsewhere, found by the photo's file name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.errors import LabelMapError, SegmenterError
from semsig.segment.coding import find_coding
from semsig.types import Image, LabelMap

_PICTURES = {".png", ".bmp", ".tif", ".tiff"}
_ARRAYS = {".npy", ".npz"}
_MARKS = ("_GT", "")  # MSRC names the ground truth of 1_1_s.bmp 1_1_s_GT.bmp


class FilesSegmenter:
    """A folder of label maps that acts as a segmenter: looked up, not computed.

    Read are class numbers in grey, palette or 16 bit pictures (PNG, BMP, TIFF), colour-mapped
    pictures, and arrays (.npy, or .npz with one array or one named ``labels``). Sub-folders
    count. Use :meth:`for_path`; a photo alone does not tell which file it came from.

    Parameters
    ----------
    folder : Path
        Where the label files are.
    table : str, optional
        Built-in class table, or a .toml or .txt file; else ``classes.toml`` or ``classes.txt``
        in the folder or the one above.

    Raises
    ------
    SegmenterError
        If the folder or its class table is missing, it holds no label file, or two of one stem.
    """

    def __init__(self, folder: Path, table: str | None = None) -> None:
        self._folder = folder
        self._table = table
        self._coding = find_coding(folder, table)
        self._files = _by_stem(folder)
        self._digest = _digest(self._files.values())

    @property
    def classes(self) -> ClassTable:
        """The table of every label map it returns."""
        return self._coding.classes

    @property
    def name(self) -> str:
        """What :func:`semsig.load_segmenter` takes to load it again."""
        return f"files:{self._folder.absolute()}" + (f"@{self._table}" if self._table else "")

    @property
    def fingerprint(self) -> str:
        """Changes with the class table and with the files' names, sizes and times of change."""
        return f"files {self._digest} classes {self.classes.fingerprint}"

    def for_path(self, path: str | os.PathLike[str]) -> LabelMap:
        """Return the label map of the photo at `path`, which itself is not read.

        Raises
        ------
        SegmenterError
            If there is no label file of the photo's stem, or it is no label map.
        """
        stem = Path(path).stem
        file = next((self._files[stem + m] for m in _MARKS if stem + m in self._files), None)
        if file is None:
            raise SegmenterError(f"{self._folder} has no label map for {stem!r} ({path}).")
        try:
            return self._coding.label_map(_read(file))
        except LabelMapError as error:
            raise SegmenterError(f"{file} is no label map: {error}") from error

    def __call__(self, image: Image) -> LabelMap:  # noqa: ARG002
        """Raise SegmenterError: label files are found by path, see :meth:`for_path`."""
        raise SegmenterError(
            "Label maps on disk are found by the photo's path, not by its pixels; "
            "use semsig.segment.segment_path(segmenter, path)."
        )

    def batch(self, images: Sequence[Image]) -> list[LabelMap]:
        """Raise SegmenterError, as a call does."""
        return [self(image) for image in images]


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise SegmenterError(f"{folder} is no folder of label maps.")
    files: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in _PICTURES | _ARRAYS or path.name.startswith("."):
            continue
        if path.stem in files:
            raise SegmenterError(
                f"Two label maps for {path.stem!r}: {files[path.stem]} and {path}; keep one."
            )
        files[path.stem] = path
    if not files:
        kinds = ", ".join(sorted(_PICTURES | _ARRAYS))
        raise SegmenterError(f"{folder} holds no label maps; expected files {kinds}.")
    return files


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        try:
            status = path.stat()
        except OSError as error:
            raise SegmenterError(f"{path} cannot be read: {error.strerror}") from error
        digest.update(os.fsencode(path.name))
        digest.update(f" {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _read(path: Path) -> NDArray[np.generic]:
    """Return class numbers (H, W) or colours (H, W, 3)."""
    try:
        return _read_array(path) if path.suffix.lower() in _ARRAYS else _read_picture(path)
    except SegmenterError:
        raise
    except Exception as error:  # Pillow and NumPy raise nearly every type on damaged files
        raise SegmenterError(f"{path} cannot be read: {error}") from error


def _read_picture(path: Path) -> NDArray[np.generic]:
    with PillowImage.open(path, formats=("PNG", "BMP", "TIFF")) as picture:
        picture.load()
        numbers = picture.mode in ("1", "L", "P") or picture.mode.startswith("I")
        return np.asarray(picture if numbers else picture.convert("RGB"))


def _read_array(path: Path) -> NDArray[np.generic]:
    content = np.load(path, allow_pickle=False)
    if isinstance(content, np.ndarray):
        return content
    with content:
        names = content.files
        if len(names) != 1 and "labels" not in names:
            raise SegmenterError(f"{path} holds {names}; expected one array, or one 'labels'.")
        array: NDArray[np.generic] = content["labels" if "labels" in names else names[0]]
        return array
