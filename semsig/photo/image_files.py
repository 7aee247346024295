"""Reading photos: bytes that may be anything in, RGB uint8 or a named reason out."""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from semsig.errors import ImageError, OptionError
from semsig.types import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""Formats that are read; no other decoder of Pillow is ever reached."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp"}
    | {".bmp", ".dib", ".tif", ".tiff", ".gif"}
)
"""Lower-case file suffixes that :func:`image_paths` takes for images."""

MAX_PIXELS = 100_000_000
"""Default limit on width x height, checked from the header before anything is decoded."""

MAX_SIDE = 65_535
"""Longest side that is read, in pixels."""

UNREAD = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jpx", ".psd", ".svg", ".raw", ".dng"}
    | {".cr2", ".cr3", ".nef", ".nrw", ".arw", ".sr2", ".orf", ".rw2", ".raf", ".pef", ".srw"}
)
"""Lower-case suffixes of pictures that are not read, and counted by :func:`unread_files`."""

JUNK = frozenset(
    {"@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found"}
    | {"__macosx", ".thumbnails", ".trash"}
)
"""Case-folded names of folders in which systems keep thumbnails and what was deleted."""

_SIGNATURE = re.compile(rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP|BM|II\*\0|MM\0\*|GIF8", re.DOTALL)
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}


def read_image(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, at_least: int | None = None
) -> Image:
    """Read a photo as RGB.

    JPEG (also CMYK and YCCK), PNG, WebP, BMP, TIFF and GIF (first frame), recognised by
    content. EXIF orientation is applied, transparency laid over white, 16 bit scaled to 8 by
    ``round(v / 257)``. Pillow's warnings on odd files are silenced for the process.

    Parameters
    ----------
    path : path-like
        A file.
    max_pixels : int
        Largest width x height that is decoded; beyond 178,956,970 Pillow itself refuses. Reading
        needs about ten bytes a pixel.
    at_least : int, optional
        A JPEG may then come 2, 4 or 8 times smaller, as long as both sides stay at least this
        many pixels: decoding is several times faster.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB, H and W at least 1.

    Raises
    ------
    OptionError
        If `max_pixels` or `at_least` is below 1.
    ImageError
        Whatever is wrong with the file. Its ``reason`` is one of ``"unreadable"`` (missing, no
        regular file, no permission, failing disk), ``"empty"``, ``"not-an-image"``,
        ``"truncated"``, ``"corrupt"``, ``"too-large"`` (pixels, side or memory).
    """
    path = Path(path)
    _check_limits(max_pixels, at_least)
    try:
        with open_regular(path) as file:
            return decode_image(file, path, max_pixels=max_pixels, at_least=at_least)
    except OSError as error:
        raise _named(error, path) from error


def decode_image(
    file: BinaryIO, path: Path, *, max_pixels: int = MAX_PIXELS, at_least: int | None = None
) -> Image:
    """Decode an open file from its start, as :func:`read_image` does; `path` is for messages."""
    _check_limits(max_pixels, at_least)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        file.seek(0)
        return _decode(file, path, max_pixels, at_least)
    except ImageError:
        raise
    except Exception as error:  # Pillow raises nearly every type there is on damaged files
        raise _named(error, path) from error


def _check_limits(max_pixels: int, at_least: int | None) -> None:
    if min(max_pixels, 1 if at_least is None else at_least) < 1:
        raise OptionError(f"Limits start at 1; got max_pixels={max_pixels}, at_least={at_least}.")


def image_paths(folder: str | os.PathLike[str], *, exclude: Sequence[str] = ()) -> list[Path]:
    """Return the files under `folder` whose suffix is one of :data:`SUFFIXES`, sorted by path.

    Files and folders are left out whose name, or path below `folder`, matches a pattern of
    `exclude`, such as ``"*.tmp"`` or ``"2019/raw"``.

    Hidden files and folders (leading dot) and those of :data:`JUNK` are skipped; links to folders
    are not followed. A
    folder below that cannot be listed comes itself, in place of its files: reading it gives an
    ImageError, "unreadable", so that it is reported as a photo that cannot be read is.

    Raises
    ------
    ImageError
        If `folder` itself is no folder that can be listed.
    """
    found: list[Path] = []
    try:
        next(Path(folder).iterdir(), None)
    except OSError as error:
        raise ImageError(
            f"{folder} cannot be listed as a folder: {error.strerror}", reason="unreadable"
        ) from error

    def keep(error: OSError) -> None:
        found.append(Path(error.filename))

    found += [path for path in _files(folder, exclude, keep) if path.suffix.lower() in SUFFIXES]
    return sorted(found)


def unread_files(folder: str | os.PathLike[str], *, exclude: Sequence[str] = ()) -> list[Path]:
    """Return the files under `folder` that are pictures of kinds that are not read, sorted."""
    files = _files(folder, exclude, lambda _: None)
    return sorted(path for path in files if path.suffix.lower() in UNREAD)


def files_below(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the files below a folder that are neither hidden nor junk, sorted by path."""
    return sorted(_files(folder, (), lambda _: None))


def _files(
    folder: str | os.PathLike[str],
    exclude: Sequence[str],
    failed: Callable[[OSError], None],
) -> Iterator[Path]:
    """Yield the files below a folder that are not hidden, junk or excluded."""

    def shown(parent: str, name: str) -> bool:
        below = Path(parent, name).relative_to(folder).as_posix()
        return not name.startswith(".") and not any(
            fnmatch(name, pattern) or fnmatch(below, pattern.rstrip("/")) for pattern in exclude
        )

    for parent, folders, files in os.walk(folder, onerror=failed):
        folders[:] = [
            name for name in folders if shown(parent, name) and name.casefold() not in JUNK
        ]
        yield from (Path(parent, name) for name in files if shown(parent, name))


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; a pipe or device, which could block forever, is refused."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "is a folder" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
        raise ImageError(f"{path} {kind}.", reason="unreadable")
    if status.st_size == 0:
        raise ImageError(f"{path} is empty (0 bytes).", reason="empty")
    return path.open("rb")


def _decode(file: BinaryIO, path: Path, max_pixels: int, at_least: int | None) -> Image:
    start = file.read(12)
    file.seek(0)
    try:
        picture: PillowImage.Image = PillowImage.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        known = _SIGNATURE.match(start)
        raise ImageError(
            f"{path} is {'damaged in its header' if known else 'no image'}; "
            f"expected one of {', '.join(FORMATS)}.",
            reason="corrupt" if known else "not-an-image",
        ) from error
    check_size(picture.size, path, max_pixels)
    if at_least is not None:
        picture.draft(None, (at_least, at_least))
    picture.load()
    check_size(picture.size, path, max_pixels)
    turn = _UPRIGHT.get(_orientation(picture))
    picture = _to_rgb(picture)
    return np.array(picture if turn is None else picture.transpose(turn))


def check_size(size: tuple[int, int], path: Path, max_pixels: int) -> None:
    """Raise :class:`ImageError` if a picture states no size, or one beyond the limits."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{path} states a size of {width} x {height}.", reason="corrupt")
    if width * height > max_pixels or max(size) > MAX_SIDE:
        raise ImageError(
            f"{path} has {width:,} x {height:,} pixels; the limit is {max_pixels:,} in all "
            f"and {MAX_SIDE:,} a side.",
            reason="too-large",
        )


def _orientation(picture: PillowImage.Image) -> int:
    """Return EXIF's orientation, 1 (upright) where EXIF is absent or damaged."""
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:
        return 1


def _to_rgb(picture: PillowImage.Image) -> PillowImage.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        return PillowImage.fromarray(_to_bytes(np.asarray(picture))).convert("RGB")
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        white = PillowImage.new("RGBA", over.size, "white")
        return PillowImage.alpha_composite(white, over).convert("RGB")
    return picture.convert("RGB")


def _to_bytes(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale grey values to 0..255: integers from 0..65,535, floats from 0..1."""
    if grey.dtype.kind == "f":
        return np.asarray(np.clip(np.nan_to_num(grey), 0, 1) * 255 + 0.5, dtype=np.uint8)
    wide = np.clip(grey, 0, 65_535).astype(np.uint32)
    return np.asarray((wide + 128) // 257, dtype=np.uint8)


def _named(error: Exception, path: Path) -> ImageError:
    """Give whatever Pillow or the system raised its reason."""
    if isinstance(error, OSError) and error.errno is not None:
        return ImageError(f"{path} cannot be read: {error.strerror}", reason="unreadable")
    if isinstance(error, MemoryError | PillowImage.DecompressionBombError):
        return ImageError(f"{path} needs too much memory: {error}", reason="too-large")
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return ImageError(f"{path} ends early: {error}", reason="truncated")
    return ImageError(f"{path} is damaged: {error}", reason="corrupt")
