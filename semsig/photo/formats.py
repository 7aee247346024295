"""File formats of pictures: which are supported, by which reader, and how a file is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from PIL import Image as PillowImage
from PIL import features

from semsig.errors import ImageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A file format of pictures.

    Parameters
    ----------
    name : str
        Name shown to people.
    suffixes : tuple of str
        Lower-case file suffixes.
    formats : tuple of str
        Pillow's names of it; empty where Pillow does not open it.
    feature : str
        Feature of Pillow that reads it; empty where Pillow always does.
    module, extra : str
        Module that reads it, and the extra of semsig that installs it.
    signature : bytes
        Regular expression of how files of an optional kind start.
    """

    name: str
    suffixes: tuple[str, ...]
    formats: tuple[str, ...] = ()
    feature: str = ""
    module: str = ""
    extra: str = ""
    signature: bytes = b"(?!)"

    @property
    def is_read(self) -> bool:
        """Whether there is a reader for it."""
        if self.feature:
            return bool(features.check(self.feature))
        return not self.module or find_spec(self.module) is not None


RAW = Kind(
    name="camera RAW",
    suffixes=(
        *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".orf", ".rw2"),
        *(".raf", ".pef", ".srw", ".rwl", ".iiq", ".3fr", ".fff", ".erf", ".kdc", ".dcr", ".mrw"),
        *(".mos", ".x3f", ".gpr", ".raw"),
    ),
    module="rawpy",
    extra="raw",
    signature=rb"FUJIFILMCCD-RAW|II[RU]|IIRS|MMOR|FOVb|\0MRM|....ftypcrx |II\x1a\0\0\0HEAPCCDR",
)
"""Recognised by suffix as well, because most such files start like a TIFF."""

JXL = Kind(
    name="JPEG XL",
    suffixes=(".jxl",),
    formats=("JXL",),
    module="pillow_jxl",
    extra="jxl",
    signature=rb"\xff\x0a|\0\0\0\x0cJXL ",
)

OPTIONAL = (
    Kind(
        name="AVIF",
        suffixes=(".avif", ".avifs"),
        formats=("AVIF",),
        feature="avif",
        signature=rb"....ftyp(?:avif|avis)",
    ),
    Kind(
        name="JPEG 2000",
        suffixes=(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        formats=("JPEG2000",),
        feature="jpg_2000",
        signature=rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    ),
    Kind(
        name="HEIC",
        suffixes=(".heic", ".heif", ".heics", ".heifs", ".hif"),
        formats=("HEIF",),
        module="pillow_heif",
        extra="heif",
        signature=rb"....ftyp(?:he[iv][cxms]|mif1|msf1)",
    ),
    JXL,
    RAW,
)
"""Kinds for which there may be no reader."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""Formats that are always read; beyond these and OPTIONAL, no decoder of Pillow is used."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp"}
    | {".bmp", ".dib", ".tif", ".tiff", ".gif"}
)
"""Lower-case suffixes of files that are always read."""

OTHERS = frozenset({".psd", ".psb", ".svg", ".xcf", ".exr", ".hdr", ".ai", ".eps", ".djvu", ".tga"})
"""Lower-case suffixes of pictures that nothing reads."""

SIGNATURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP|BM|II[*+]\0|MM\0[*+]|GIF8|....ftyp|"
    + b"|".join(kind.signature for kind in OPTIONAL),
    re.DOTALL,
)
"""How files of pictures start."""


@cache
def read_suffixes() -> frozenset[str]:
    """Return the lower-case suffixes of files that are treated as photos and can be read."""
    return SUFFIXES.union(*(kind.suffixes for kind in OPTIONAL if kind.is_read))


@cache
def unread_suffixes() -> frozenset[str]:
    """Return the lower-case suffixes of pictures that nothing here reads."""
    return OTHERS.union(*(kind.suffixes for kind in OPTIONAL if not kind.is_read))


def kind_of(start: bytes, path: Path) -> Kind | None:
    """Return the optional kind of a file by how it starts, camera RAW by its suffix; else None."""
    tiff = start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    if tiff and path.suffix.lower() in RAW.suffixes:
        return RAW
    return next((kind for kind in OPTIONAL if re.match(kind.signature, start, re.DOTALL)), None)


def open_picture(file: BinaryIO, kind: Kind | None, path: Path) -> PillowImage.Image:
    """Open a picture by its kind with Pillow; UnidentifiedImageError if it is none.

    Raises
    ------
    ImageError
        "no-reader" if its kind has no reader here.
    """
    if kind is None:
        return PillowImage.open(file, formats=FORMATS)
    require_reader(kind, path)
    _register(kind.module)
    return PillowImage.open(file, formats=kind.formats)


def require_reader(kind: Kind, path: Path) -> None:
    """Raise ImageError, "no-reader", if there is no reader for a kind."""
    if not kind.is_read:
        how = f"`pip install semsig[{kind.extra}]`" if kind.extra else "a newer Pillow"
        raise ImageError(
            f"{path} is {kind.name}, which is not read here: {how}.", reason="no-reader"
        )


@cache
def _register(module: str) -> None:
    """Register a plug-in of Pillow, when the first file needs it."""
    if module == "pillow_heif":
        import pillow_heif

        pillow_heif.register_heif_opener()
    elif module == "pillow_jxl":
        import pillow_jxl  # noqa: F401 - registers itself
