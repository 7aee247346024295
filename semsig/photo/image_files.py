"""Reading photos from untrusted bytes: the result is RGB uint8, or an error with a named reason."""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from semsig.errors import ImageError, OptionError
from semsig.photo.formats import (
    FORMATS,
    JXL,
    OPTIONAL,
    RAW,
    SIGNATURE,
    Kind,
    kind_of,
    open_picture,
    require_reader,
)
from semsig.photo.jxl import stated_size
from semsig.photo.raw import read_raw
from semsig.photo.walk import image_paths, unread_files
from semsig.types import Image

__all__ = [
    "MAX_PIXELS",
    "MAX_SIDE",
    "decode_image",
    "image_paths",
    "open_regular",
    "read_image",
    "unread_files",
]

MAX_PIXELS = 100_000_000
"""Default limit on width x height, checked from the header before anything is decoded."""

MAX_SIDE = 65_535
"""Longest side that is read, in pixels."""

ImageSource = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | PillowImage.Image
)
"""What a photo is read from: a file's path or content, an open file, or a picture of Pillow."""

_ORIENTATION_TAG = 0x0112
_SAMPLE_FORMAT, _UNSIGNED = 339, 1  # of TIFF
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
    source: ImageSource, *, max_pixels: int = MAX_PIXELS, at_least: int | None = None
) -> Image:
    """Read a photo as RGB.

    JPEG (also CMYK and YCCK), PNG, WebP, BMP, TIFF and GIF (first frame), recognised by
    content, and the kinds of :data:`semsig.photo.formats.OPTIONAL` that there is a reader for.
    EXIF orientation is applied, transparency laid over white, 16 bit scaled to 8 by
    ``round(v / 257)``, floats by 255, cut to 0..1, if most lie there; other floats and integers of
    a TIFF are scaled by their own range, lowest to 0, highest to 255. Pillow's warnings on odd
    files are silenced for the process.

    Parameters
    ----------
    source : path-like, bytes, binary file object or PIL.Image.Image
        A file, its content, an open file (read from its start if it can seek), or
        a picture that Pillow has opened.
    max_pixels : int
        Largest width x height that is decoded; beyond 178,956,970 Pillow itself refuses. Reading
        needs about ten bytes per pixel.
    at_least : int, optional
        A JPEG may then be decoded 2, 4 or 8 times smaller, as long as both sides stay at least this
        many pixels: decoding is several times faster.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB, H and W at least 1.

    Raises
    ------
    OptionError
        If `max_pixels` or `at_least` is not an integer from 1 on.
    ImageError
        If the file cannot be read as an image. The ``reason`` is one of ``"unreadable"`` (missing,
        no regular file, no permission, failing disk), ``"empty"``, ``"not-an-image"``,
        ``"truncated"``, ``"corrupt"``, ``"too-large"`` (pixels, side or memory), ``"no-reader"`` (a
        kind that needs an extra).
    """
    _check_limits(max_pixels, at_least)
    if isinstance(source, str | os.PathLike):
        return _read_file(source, max_pixels, at_least)
    if isinstance(source, PillowImage.Image):
        picture = Path("The picture")
        return _guarded(lambda: _pixels(source, picture, max_pixels)[0], picture)
    content = _content(source)
    if not content:
        raise ImageError("The upload is empty (0 bytes).", reason="empty")
    upload = Path("The upload")
    return decode_image(io.BytesIO(content), upload, max_pixels=max_pixels, at_least=at_least)


def _read_file(path: str | os.PathLike[str], max_pixels: int, at_least: int | None) -> Image:
    try:
        path = Path(path)
        with open_regular(path) as file:
            return decode_image(file, path, max_pixels=max_pixels, at_least=at_least)
    except OSError as error:
        raise _named(error, path) from error
    except (TypeError, ValueError) as error:  # a name of bytes, or with a null character
        raise ImageError(f"{path!r} cannot be read: {error}", reason="unreadable") from error


def _content(source: object) -> bytes:
    """Return the bytes of an upload; ImageError if it is none."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    try:
        if source.seekable():  # type: ignore[attr-defined]  # what has none is refused below
            source.seek(0)  # type: ignore[attr-defined]
        content = source.read()  # type: ignore[attr-defined]
    except (OSError, ValueError) as error:
        raise ImageError(f"The upload cannot be read: {error}", reason="unreadable") from error
    except (AttributeError, TypeError):
        content = None
    if not isinstance(content, bytes):
        raise ImageError(
            "Expected a path, bytes, a file opened in binary mode or a PIL image, got "
            f"{type(source).__name__}.",
            reason="not-an-image",
        )
    return content


def decode_image(
    file: BinaryIO, path: Path, *, max_pixels: int = MAX_PIXELS, at_least: int | None = None
) -> Image:
    """Decode an open file from its start, as :func:`read_image` does; `path` is for messages."""
    _check_limits(max_pixels, at_least)

    def decode() -> Image:
        file.seek(0)
        return _decode(file, path, max_pixels, at_least)

    return _guarded(decode, path)


def _guarded(decode: Callable[[], Image], path: Path) -> Image:
    """Decode, and name what goes wrong."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        return decode()
    except ImageError:
        raise
    except Exception as error:  # Pillow raises nearly every type there is on damaged files
        raise _named(error, path) from error


def _check_limits(max_pixels: int, at_least: int | None) -> None:
    limits = (max_pixels, 1 if at_least is None else at_least)
    if not all(isinstance(limit, int | np.integer) and limit >= 1 for limit in limits):
        raise OptionError(f"Limits start at 1; got max_pixels={max_pixels}, at_least={at_least}.")


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
    start = file.read(32)
    file.seek(0)
    kind = kind_of(start, path)
    if kind is RAW:
        require_reader(kind, path)
        return read_raw(
            file,
            path,
            at_least,
            lambda size: check_size(size, path, max_pixels),
            lambda preview: _upright(preview, None, path, max_pixels, at_least),
        )
    try:
        return _upright(file, kind, path, max_pixels, at_least)[0]
    except UnidentifiedImageError as error:
        known = SIGNATURE.match(start)
        raise ImageError(
            f"{path} is {'damaged in its header' if known else 'no image'}; "
            f"expected one of {', '.join((*FORMATS, *(kind.name for kind in OPTIONAL)))}.",
            reason="corrupt" if known else "not-an-image",
        ) from error


def _upright(
    file: BinaryIO, kind: Kind | None, path: Path, max_pixels: int, at_least: int | None
) -> tuple[Image, bool]:
    """Decode what Pillow opens, and tell whether EXIF said how to turn it."""
    if kind is JXL:
        check_size(stated_size(file) or (1, 1), path, max_pixels)
    picture = open_picture(file, kind, path)
    if at_least is not None:
        picture.draft(None, (at_least, at_least))
    return _pixels(picture, path, max_pixels)


def _pixels(picture: PillowImage.Image, path: Path, max_pixels: int) -> tuple[Image, bool]:
    """Load a picture upright and as RGB, and tell whether EXIF said how to turn it.

    Its size may change as it is loaded.
    """
    check_size(picture.size, path, max_pixels)
    picture.load()
    check_size(picture.size, path, max_pixels)
    orientation = _orientation(picture)
    turn = _UPRIGHT.get(orientation or 1)
    picture = _to_rgb(picture)
    return np.array(picture if turn is None else picture.transpose(turn)), orientation is not None


def check_size(size: tuple[int, int], path: Path, max_pixels: int) -> None:
    """Raise :class:`ImageError` if a picture states no size, or one beyond the limits."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{path} states a size of {width} x {height}.", reason="corrupt")
    if width * height > max_pixels or max(size) > MAX_SIDE:
        raise ImageError(
            f"{path} has {width:,} x {height:,} pixels; the limit is {max_pixels:,} in all "
            f"and {MAX_SIDE:,} per side.",
            reason="too-large",
        )


def _orientation(picture: PillowImage.Image) -> int | None:
    """Return EXIF's orientation, None where EXIF is absent, damaged or silent."""
    try:
        stated = picture.getexif().get(_ORIENTATION_TAG)
        return None if stated is None else int(stated)
    except Exception:
        return None


def _to_rgb(picture: PillowImage.Image) -> PillowImage.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        return PillowImage.fromarray(_to_bytes(_values(picture))).convert("RGB")
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        white = PillowImage.new("RGBA", over.size, "white")
        return PillowImage.alpha_composite(white, over).convert("RGB")
    return picture.convert("RGB")


def _values(picture: PillowImage.Image) -> NDArray[np.generic]:
    """Return the values of a deep grey picture; Pillow gives TIFF's uint32 a sign."""
    values = np.asarray(picture)
    tags = getattr(picture, "tag_v2", {})
    unsigned = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED
    return values.view(np.uint32) if values.dtype == np.int32 and unsigned and tags else values


def _to_bytes(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale grey values to 0..255: of uint16 all, of floats 0..1, of others their own range."""
    if grey.dtype.kind == "u" and grey.dtype.itemsize == 2:  # of either byte order
        return np.asarray((grey.astype(np.uint32) + 128) // 257, dtype=np.uint8)
    values = grey.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    if grey.dtype.kind == "f" and _is_of_unit_range(finite):
        low, high = 0.0, 1.0
    values = np.clip(np.nan_to_num(values, nan=low), low, high)
    return np.asarray((values - low) / (high - low or 1.0) * 255 + 0.5, dtype=np.uint8)


def _is_of_unit_range(values: NDArray[np.float64]) -> bool:
    """Tell whether floats are meant to lie in 0..1: all do, or most, with lights beyond."""
    inside = (values >= 0) & (values <= 1)
    return bool(inside.all() or (inside.mean() >= 0.5 and (values % 1 != 0).any()))


def _named(error: Exception, path: Path | str | os.PathLike[str]) -> ImageError:
    """Turn what Pillow or the system raised into an ImageError with a reason."""
    if isinstance(error, OSError) and error.errno is not None:
        return ImageError(f"{path} cannot be read: {error.strerror}", reason="unreadable")
    if isinstance(error, MemoryError | PillowImage.DecompressionBombError):
        return ImageError(f"{path} needs too much memory: {error}", reason="too-large")
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return ImageError(f"{path} ends early: {error}", reason="truncated")
    return ImageError(f"{path} is damaged: {error}", reason="corrupt")
