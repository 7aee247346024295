"""Label maps made elsewhere, found by the photo's file name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.durable import open_regular
from semsig.errors import LabelMapError, SegmenterError
from semsig.segment.coding import find_coding
from semsig.segment.limits import open_picture, read_label_array
from semsig.types import Image, LabelMap

Place = tuple[str, ...]
"""A sub-folder's path below the folder of label maps, part by part."""

_PICTURES = {".png", ".bmp", ".tif", ".tiff"}
_ARRAYS = {".npy", ".npz"}
_MARKS = ("_GT", "")  # MSRC names the ground truth of 1_1_s.bmp 1_1_s_GT.bmp


class FilesSegmenter:
    """A folder of label maps that acts as a segmenter: looked up, not computed.

    Read are class numbers in grey, palette or 16 bit pictures (PNG, BMP, TIFF), colour-mapped
    pictures, and arrays (.npy, or .npz with one array or one named ``labels``). Use
    :meth:`for_path`; a photo alone does not tell which file it came from.

    The label map of ``photos/a/1.jpg`` is the file of stem ``1`` in the deepest sub-folder that
    the photo's folder ends with: ``photos/a``, else ``a``, else none. Where there is none, it is
    the only file of that stem in all sub-folders; of several, none is taken.

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
        If the folder or its class table is missing, it holds no label file, or a folder holds
        two of one stem.
    """

    def __init__(self, folder: Path, table: str | None = None) -> None:
        self._folder = folder
        self._table = table
        self._coding = find_coding(folder, table)
        self._files = _by_stem_and_place(folder)
        self._digest = _digest(folder, self._files)

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

    def state(self, path: str | os.PathLike[str]) -> str:
        """Return the hex BLAKE2b, 128 bit, of the photo's label file; empty if it has none."""
        try:
            with open_regular(self._file_for(Path(path).absolute())) as file:
                return hashlib.file_digest(
                    file, lambda: hashlib.blake2b(digest_size=16)
                ).hexdigest()
        except (SegmenterError, OSError):
            return ""

    def for_path(self, path: str | os.PathLike[str]) -> LabelMap:
        """Return the label map of the photo at `path`, which itself is not read.

        Raises
        ------
        SegmenterError
            If there is no label file for it, or several may be meant, or it is no label map.
        """
        file = self._file_for(Path(path).absolute())
        try:
            return self._coding.label_map(_read(file))
        except LabelMapError as error:
            raise SegmenterError(f"{file} is no label map: {error}") from error

    def _file_for(self, photo: Path) -> Path:
        stems = (photo.stem + mark for mark in _MARKS)
        found = next((self._files[stem] for stem in stems if stem in self._files), {})
        above = photo.parent.parts
        fitting = [place for place in found if above[len(above) - len(place) :] == place]
        if fitting:
            return found[max(fitting, key=len)]
        if not found:
            raise SegmenterError(f"{self._folder} has no label map for {photo.stem!r} ({photo}).")
        if len(found) > 1:
            several = " and ".join(map(str, list(found.values())[:2]))
            raise SegmenterError(
                f"{photo} may mean {several}; name the folders of label maps as those of photos."
            )
        return next(iter(found.values()))

    def __call__(self, image: Image) -> LabelMap:  # noqa: ARG002
        """Raise SegmenterError: label files are found by path, see :meth:`for_path`."""
        raise SegmenterError(
            "Label maps on disk are found by the photo's path, not by its pixels; "
            "use semsig.segment.segment_path(segmenter, path)."
        )

    def batch(self, images: Sequence[Image]) -> list[LabelMap]:
        """Raise SegmenterError, as a call does."""
        return [self(image) for image in images]


def _by_stem_and_place(folder: Path) -> dict[str, dict[Place, Path]]:
    if not folder.is_dir():
        raise SegmenterError(f"{folder} is no folder of label maps.")
    files: dict[str, dict[Place, Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in _PICTURES | _ARRAYS or path.name.startswith("."):
            continue
        of_stem = files.setdefault(path.stem, {})
        first = of_stem.setdefault(path.parent.relative_to(folder).parts, path)
        if first != path:
            raise SegmenterError(f"Two label maps for {path.stem!r}: {first} and {path}; keep one.")
    if not files:
        kinds = ", ".join(sorted(_PICTURES | _ARRAYS))
        raise SegmenterError(f"{folder} holds no label maps; expected files {kinds}.")
    return files


def _digest(folder: Path, files: Mapping[str, Mapping[Place, Path]]) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for of_stem in files.values() for path in of_stem.values()):
        try:
            status = path.stat()
        except OSError as error:
            raise SegmenterError(f"{path} cannot be read: {error.strerror}") from error
        digest.update(os.fsencode(path.relative_to(folder)))
        digest.update(f" {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _read(path: Path) -> NDArray[np.generic]:
    """Return class numbers (H, W) or colours (H, W, 3)."""
    try:
        return read_label_array(path) if path.suffix.lower() in _ARRAYS else _read_picture(path)
    except SegmenterError:
        raise
    except Exception as error:  # Pillow and NumPy raise nearly every type on damaged files
        raise SegmenterError(f"{path} cannot be read: {error}") from error


def _read_picture(path: Path) -> NDArray[np.generic]:
    with open_picture(path) as picture:
        picture.load()
        numbers = picture.mode in ("1", "L", "P") or picture.mode.startswith("I")
        stored = np.asarray(picture if numbers else picture.convert("RGB"))
        if picture.mode == "L" and (depth := _grey_depth(path)) < 8:
            return stored // np.uint8(255 // (2**depth - 1))  # undo the scaling to 0..255
        return stored


def _grey_depth(path: Path) -> int:
    """Return the bits a pixel of a grey PNG, which Pillow scales to 8; 8 of other pictures."""
    with open_regular(path) as file:
        header = file.read(26)  # signature, length and name of IHDR, width, height, depth, colours
    is_grey_png = header[:8] == b"\x89PNG\r\n\x1a\n" and header[25:26] == b"\0"
    return header[24] if is_grey_png and header[24] in (2, 4) else 8
