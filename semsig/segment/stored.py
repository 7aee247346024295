"""Read what label files store, class numbers or colours, without conversion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from semsig.durable import open_regular
from semsig.errors import SegmenterError
from semsig.segment.limits import open_picture, read_label_array

PICTURES = {".png", ".bmp", ".dib", ".tif", ".tiff"}
"""Lower-case suffixes of picture formats without loss."""
ARRAYS = {".npy", ".npz"}
"""Lower-case suffixes of NumPy's arrays."""

_TRANSPARENT = -1
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # tags of TIFF
_WHITE_IS_ZERO = 0


def read_stored(path: Path) -> NDArray[np.generic]:
    """Return class numbers, shape (H, W), or colours, shape (H, W, 3) uint8, of a label file.

    Numbers of fewer than 8 bits per pixel are returned as stored, not scaled to 0..255 as in
    pictures. Transparent pixels of a grey picture become -1.

    Raises
    ------
    SegmenterError
        If it cannot be read, or has a format that does not keep numbers exactly.
    """
    try:
        return read_label_array(path) if path.suffix.lower() in ARRAYS else _read_picture(path)
    except SegmenterError:
        raise
    except Exception as error:  # Pillow and NumPy raise almost any exception type on damaged files
        raise SegmenterError(f"{path} cannot be read: {error}") from error


def _read_picture(path: Path) -> NDArray[np.generic]:
    with open_picture(path) as picture:
        picture.load()
        mode, depth = picture.mode, _depth(picture, path)
        if mode in ("1", "L", "P") or mode.startswith(("I", "F")):
            return _upright(np.asarray(picture), picture, depth)
        if depth > 8 or mode not in ("RGB", "RGBA", "RGBX", "LA", "PA"):
            raise SegmenterError(
                f"Expected {path} to hold class numbers or 8-bit colours, got {mode} of {depth} "
                "bits, in which numbers would be lost; save it as grey, of 8 or 16 bits."
            )
        if mode in ("RGB", "RGBX"):
            return np.asarray(picture.convert("RGB"))
        return _without_alpha(np.asarray(picture), path)


def _upright(
    stored: NDArray[np.generic], picture: PillowImage.Image, depth: int
) -> NDArray[np.generic]:
    """Undo what Pillow does to grey pictures: 2 and 4 bits scaled to 8, TIFF's white 0 inverted."""
    if picture.mode not in ("1", "L"):
        return stored
    most = np.uint8(2**depth - 1)
    scale = np.uint8(1 if picture.mode == "1" else 255 // most)
    numbers: NDArray[np.uint8] = stored.astype(np.uint8) // scale
    tags = getattr(picture, "tag_v2", {})
    turned = picture.format == "TIFF" and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return most - numbers if turned else numbers


def _depth(picture: PillowImage.Image, path: Path) -> int:
    """Return the bits per channel that the file stores; 8 for other formats."""
    if picture.format == "PNG":
        with open_regular(path) as file:
            return file.read(25)[24]  # signature, length and name of IHDR, width, height, depth
    if picture.format == "TIFF":
        return int(max(getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (1,))))
    return 1 if picture.mode == "1" else 8


def _without_alpha(stored: NDArray[np.uint8], path: Path) -> NDArray[np.generic]:
    channels, alpha = stored[..., :-1], stored[..., -1]
    if ((alpha > 0) & (alpha < 255)).any() or not alpha.any():
        raise SegmenterError(
            f"Expected {path} to be opaque, or transparent where there is no class; it is "
            f"{'half transparent' if alpha.any() else 'transparent everywhere'}: save it without."
        )
    is_grey = channels.shape[2] == 1 or (channels == channels[..., :1]).all()
    if alpha.all():
        return channels[..., 0] if channels.shape[2] == 1 else channels
    if is_grey:
        return np.where(alpha > 0, channels[..., 0].astype(np.int16), np.int16(_TRANSPARENT))
    return channels
