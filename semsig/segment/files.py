"""Label maps made elsewhere, found by the photo's file name."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from semsig.classes import ClassTable
from semsig.durable import open_regular
from semsig.errors import LabelMapError, SegmenterError
from semsig.photo.walk import files_below
from semsig.segment.reading import find_reading
from semsig.segment.stems import LabelFile, LabelFiles
from semsig.segment.stored import ARRAYS, PICTURES, read_stored
from semsig.types import Image, LabelMap

_LOG = logging.getLogger("semsig.segment.files")


class FilesSegmenter:
    """A folder of label maps used as a segmenter: maps are looked up, not computed.

    Supported are class numbers in grey, palette or 16-bit pictures (PNG, BMP, TIFF), colour-mapped
    pictures, and arrays (.npy, or .npz with one array or one named ``labels``). Use
    :meth:`for_path`; pixels alone do not tell which file they were read from.

    The label map of ``photos/a/1.jpg`` is looked for in the deepest sub-folder that the photo's
    folder ends with, ``photos/a`` or else ``a``; if there is no such sub-folder, in all of them. It
    is the file with stem ``1`` or ``1.jpg``, else one that differs in case or Unicode normal form,
    else the one with the fewest endings such as ``1_mask``, ``1_gtFine_labelIds`` or ``1_L``. If
    several fit equally well, none is taken.

    The table gives the meaning of the numbers: plain names are numbered from 0, but the files of a
    data set may be numbered in another way. ``@ade20k`` is ADE20K's own numbering (0 = unlabelled,
    3 = sky), ``@ade20k-mmseg`` mmsegmentation's (0 = wall, 2 = sky); ``@cityscapes-labelids`` has
    34 numbers. A numbering that the files' names or numbers contradict is refused; where they
    leave it open, a sentence is logged and kept in `remark`.

    Parameters
    ----------
    folder : Path
        Where the label files are.
    table : str, optional
        Built-in class table, or a .toml or .txt file; else ``classes.toml``, ``classes.txt`` or an
        exporter's (``labelmap.txt``, ``_classes.csv``, ``class_names.txt``, ``label_colors.txt``)
        in the folder or the one above.

    Attributes
    ----------
    remark : str
        What is uncertain about how the numbers are read; empty if nothing is.

    Raises
    ------
    SegmenterError
        If the folder or its class table is missing, it holds no label file, a folder holds two
        files of one stem, or the numbers in the files contradict the table.
    """

    def __init__(self, folder: Path, table: str | None = None) -> None:
        self._folder = folder
        self._table = table
        reading = find_reading(folder, table, _label_files(folder))
        self._coding, self.remark = reading.coding, reading.remark
        files = [LabelFile(path, path.parent.relative_to(folder).parts) for path in reading.files]
        self._files = LabelFiles(files)
        self._some = ", ".join(path.name for path in reading.files[:3])
        self._digest = _digest(folder, reading.files)
        if self.remark:
            _LOG.warning("%s: %s", folder, self.remark)

    @property
    def classes(self) -> ClassTable:
        """The table of every label map it returns."""
        return self._coding.classes

    @property
    def name(self) -> str:
        """The name by which :func:`semsig.load_segmenter` loads it again."""
        return f"files:{self._folder.absolute()}" + (f"@{self._table}" if self._table else "")

    @property
    def fingerprint(self) -> str:
        """A digest of the class table and of the files' names, sizes and modification times."""
        return f"files {self._digest} classes {self.classes.fingerprint}"

    def state(self, path: str | os.PathLike[str]) -> str:
        """Return the hex BLAKE2b, 128 bits, of the photo's label file; empty if it has none.

        Where the table defines the meaning of numbers or colours, the digest covers that as well.
        """
        meaning = self._coding.fingerprint.encode()
        try:
            with open_regular(self._file_for(Path(path).absolute())) as file:
                return hashlib.file_digest(
                    file, lambda: hashlib.blake2b(meaning, digest_size=16)
                ).hexdigest()
        except (SegmenterError, OSError):
            return ""

    def for_path(self, path: str | os.PathLike[str]) -> LabelMap:
        """Return the label map of the photo at `path`; the photo itself is not read.

        Raises
        ------
        SegmenterError
            If there is no label file for it, several fit equally well, or it is not a label map.
        """
        file = self._file_for(Path(path).absolute())
        try:
            return self._coding.label_map(read_stored(file))
        except LabelMapError as error:
            raise SegmenterError(f"{file} is no label map: {error}") from error

    def _file_for(self, photo: Path) -> Path:
        found = self._files.of(photo)
        if not found:
            raise SegmenterError(
                f"{self._folder} has no label map for {photo.stem!r} ({photo}); it holds "
                f"{self._some}, ... Name it after the photo, as in {photo.stem}.png."
            )
        if len(found) > 1:
            several = " and ".join(str(file.path) for file in found[:3])
            raise SegmenterError(
                f"{photo} may mean {several}; name the one after the photo, and the folders of "
                "label maps as those of photos."
            )
        return found[0].path

    def __call__(self, image: Image) -> LabelMap:  # noqa: ARG002
        """Raise SegmenterError: label files are found by path, see :meth:`for_path`."""
        raise SegmenterError(
            "Label maps on disk are found by the photo's path, not by its pixels; "
            "use semsig.segment.segment_path(segmenter, path)."
        )

    def batch(self, images: Sequence[Image]) -> list[LabelMap]:
        """Raise SegmenterError, as a call does."""
        return [self(image) for image in images]


def _label_files(folder: Path) -> list[Path]:
    """Return the label files below a folder, sorted."""
    if not folder.is_dir():
        raise SegmenterError(
            f"{folder} is no folder of label maps; if they have moved, name where they are: "
            "--segmenter files:DIR."
        )
    files: dict[Path, Path] = {}
    for path in files_below(folder):
        if path.suffix.lower() in PICTURES | ARRAYS:
            first = files.setdefault(path.with_suffix(""), path)
            if first != path:
                raise SegmenterError(
                    f"Two label maps for {path.stem!r}: {first} and {path}; keep one."
                )
    if not files:
        kinds = ", ".join(sorted(PICTURES | ARRAYS))
        raise SegmenterError(f"{folder} holds no label maps; expected files {kinds}.")
    return list(files.values())


def _digest(folder: Path, files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        try:
            status = path.stat()
        except OSError as error:
            raise SegmenterError(f"{path} cannot be read: {error.strerror}") from error
        digest.update(os.fsencode(path.relative_to(folder)))
        digest.update(f" {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
