"""Photos as cameras write them, read with rawpy: the preview inside, or else developed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from semsig.errors import ImageError
from semsig.types import Image

MIN_PREVIEW = 512
"""Short side in pixels from which a preview stands for the photo; below it is a thumbnail."""

_TURNS = {3: 2, 5: 1, 6: 3}
"""Quarter turns to the left for LibRaw's `flip`."""

Check = Callable[[tuple[int, int]], None]
"""Raises ImageError if a (width, height) is beyond the limits."""
Decode = Callable[[BinaryIO], tuple[Image, bool]]
"""Decodes a preview, and tells whether it was turned upright by its own EXIF."""


def read_raw(
    file: BinaryIO, path: Path, at_least: int | None, check: Check, decode: Decode
) -> Image:
    """Read a camera's file as RGB, shape (H, W, 3) uint8, upright.

    Parameters
    ----------
    file : binary file
        At its start.
    path : Path
        For messages.
    at_least : int, optional
        Pixels of the short side that suffice; all by default.
    check, decode : callable
        Limits on the size, and the decoder of previews.

    Raises
    ------
    ImageError
        "not-an-image" if it is no such file; whatever LibRaw says otherwise.
    """
    import rawpy

    try:
        with rawpy.imread(file) as raw:
            check((raw.sizes.raw_width, raw.sizes.raw_height))
            preview = _preview(raw, at_least, decode)
            return _developed(raw, at_least) if preview is None else preview
    except rawpy.LibRawFileUnsupportedError as error:
        raise ImageError(
            f"{path} is no camera's file that LibRaw knows: {error}", reason="not-an-image"
        ) from error


def _preview(raw: Any, at_least: int | None, decode: Decode) -> Image | None:
    """Return the picture inside, if it is there, can be read and is large enough."""
    import rawpy

    try:
        thumb = raw.extract_thumb()
        is_jpeg = thumb.format == rawpy.ThumbFormat.JPEG
        image, upright = decode(io.BytesIO(thumb.data)) if is_jpeg else (thumb.data, False)
    except (rawpy.LibRawError, ImageError):
        return None
    if min(image.shape[:2]) < max(MIN_PREVIEW, at_least or 0):
        return None
    turns = 0 if upright else _TURNS.get(raw.sizes.flip, 0)
    return np.ascontiguousarray(np.rot90(image, turns))


def _developed(raw: Any, at_least: int | None) -> Image:
    """Develop the sensor's values; at half the size, much faster, where that suffices."""
    half = at_least is not None and min(raw.sizes.height, raw.sizes.width) // 2 >= at_least
    return np.asarray(raw.postprocess(use_camera_wb=True, half_size=half), np.uint8)
