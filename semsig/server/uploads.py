"""Photos uploaded to search by: decoded, the most recently used kept, within a memory limit."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from semsig.photo.image_files import decode_image
from semsig.server.problems import RefusedError
from semsig.types import Image

_NAME = Path("the uploaded photo")
_MOST_SIDE = 1600
"""Long side in pixels of kept photos: four times what the networks read, for crops and the page."""


class Uploads:
    """Decoded photos by the digest of their bytes.

    Parameters
    ----------
    max_pixels : int
        Largest width x height that is decoded.
    max_bytes : int
        Largest number of decoded bytes that are kept; the newest photo is kept whatever its size.
    """

    def __init__(self, max_pixels: int, max_bytes: int) -> None:
        self._max_pixels, self._max_bytes = max_pixels, max_bytes
        self._kept: OrderedDict[str, Image] = OrderedDict()
        self._lock = Lock()

    @property
    def n_bytes(self) -> int:
        """Number of decoded bytes that are kept now."""
        with self._lock:
            return sum(image.nbytes for image in self._kept.values())

    def add(self, data: bytes) -> str:
        """Decode a photo's bytes, and return the name under which it is kept.

        Raises
        ------
        ImageError
            If they are not a photo, or the photo is too large.
        """
        name = hashlib.blake2b(data, digest_size=16).hexdigest()
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return name
        image = decode_image(
            io.BytesIO(data), _NAME, max_pixels=self._max_pixels, at_least=_MOST_SIDE // 2
        )
        if max(image.shape[:2]) > _MOST_SIDE:
            from semsig.report.draw import fit

            image = fit(image, _MOST_SIDE)
        with self._lock:
            self._kept[name] = image
            self._trim()
        return name

    def get(self, name: str) -> Image:
        """Return a photo's pixels, shape (H, W, 3) uint8.

        Raises
        ------
        RefusedError
            If it is unknown, or no longer kept.
        """
        with self._lock:
            if name not in self._kept:
                raise RefusedError(
                    f"Expected a photo that was uploaded lately, got {name!r}; send it again.",
                    status=410,
                )
            self._kept.move_to_end(name)
            return self._kept[name]

    def _trim(self) -> None:
        total = sum(image.nbytes for image in self._kept.values())
        while total > self._max_bytes and len(self._kept) > 1:
            total -= self._kept.popitem(last=False)[1].nbytes
