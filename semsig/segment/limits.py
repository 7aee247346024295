"""Open label files: only regular files, and only within the limits that photos have."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from semsig.arrays import member_names, read_npy, read_npz
from semsig.durable import open_regular
from semsig.errors import SegmenterError
from semsig.photo.image_files import MAX_PIXELS, check_size

MOST_BYTES = 8 * MAX_PIXELS
"""Bytes of an array of as many pixels as a photo may have, at eight bytes per pixel."""


@contextmanager
def open_picture(path: Path) -> Iterator[PillowImage.Image]:
    """Open a picture; its size is checked before anything is decoded.

    Raises
    ------
    ImageError
        If its header states more pixels than photos may have.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")
    with (
        open_regular(path) as file,
        PillowImage.open(file, formats=("PNG", "BMP", "TIFF")) as picture,
    ):
        check_size(picture.size, path, MAX_PIXELS)
        yield picture


def read_label_array(path: Path) -> NDArray[np.generic]:
    """Read an .npy file, or an .npz archive of one array or one named ``labels``.

    Raises
    ------
    SegmenterError
        If the archive holds several arrays and none of them is named ``labels``.
    ValueError
        If the file is neither, or its header states more than :data:`MOST_BYTES`.
    """
    with open_regular(path) as file:
        if path.suffix.lower() == ".npy":
            return read_npy(file, most=MOST_BYTES)
        names = member_names(file)
        if len(names) != 1 and "labels" not in names:
            raise SegmenterError(f"{path} holds {names}; expected one array, or one 'labels'.")
        name = "labels" if "labels" in names else names[0]
        return read_npz(file, most=MOST_BYTES, only=(name,))[name]
