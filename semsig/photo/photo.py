"""A photo's file, opened once."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Self

from semsig.errors import ImageError
from semsig.photo.image_files import decode_image, open_regular
from semsig.photo.record import PhotoPath, PhotoRecord
from semsig.types import Image


class Photo:
    """A photo's file, opened once; digest and pixels are read from it when first asked for.

    The first property that needs the file opens it, so that digest and pixels are of the same
    file even if the path is replaced meanwhile; it is closed when the ``with`` block ends.

    Parameters
    ----------
    path : path-like
        A file.
    """

    def __init__(self, path: PhotoPath) -> None:
        self.path = os.fspath(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        file = self.__dict__.pop("_file", None)
        if file is not None:
            file.close()

    @cached_property
    def _file(self) -> BinaryIO:
        try:
            return open_regular(Path(self.path))
        except OSError as error:
            raise ImageError(
                f"{self.path} cannot be read: {error.strerror}", reason="unreadable"
            ) from error

    @cached_property
    def record(self) -> PhotoRecord:
        """Path, digest, size and time of change; ImageError if the file cannot be read."""
        return PhotoRecord.of(self._file, self.path)

    def image(self, at_least: int | None = None) -> Image:
        """Decode the photo, shape (H, W, 3) uint8 RGB; see :func:`read_image`.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        return decode_image(self._file, Path(self.path), at_least=at_least)
