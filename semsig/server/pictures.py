"""Thumbnails and overlays, made once and kept in a folder of limited size."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image as PillowImage

from semsig.durable import read_regular
from semsig.report.draw import enlarge
from semsig.types import Image, LabelMap

SIDES = (160, 320, 640, 1280)
"""Long sides, in pixels, at which pictures are served."""

_EDGE = (255, 255, 255, 210)


class PictureCache:
    """The most recently used files by key, in a folder of limited size.

    Parameters
    ----------
    folder : Path, optional
        The folder; files of an earlier run are used again. By default a temporary folder, which is
        removed with the server.
    max_bytes : int
        Largest number of bytes that are kept.
    """

    def __init__(self, folder: Path | None, max_bytes: int) -> None:
        self._temporary = None
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="semsig-thumbnails-")
            folder = Path(self._temporary.name)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._max_bytes = folder, max_bytes
        self._lock = Lock()
        found = [(path, path.stat()) for path in folder.glob("*.pic")]
        found.sort(key=lambda pair: pair[1].st_mtime_ns)
        self._sizes = OrderedDict((path.name, status.st_size) for path, status in found)
        self.n_bytes = sum(self._sizes.values())
        self._trim()

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return the file of `key`; `make` is called only if it is not in the folder."""
        name = hashlib.blake2b(key.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        path = self._folder / f"{name}.pic"
        try:
            data = read_regular(path)
        except OSError:
            data = make()
            self._write(path, data)
        with self._lock:
            if path.name in self._sizes:
                self._sizes.move_to_end(path.name)
        return data

    def close(self) -> None:
        """Remove the folder if it is a temporary one."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file whole or not at all; after a full disk it is simply made again next time."""
        try:
            handle, part = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(part).replace(path)
        except OSError:
            return
        with self._lock:
            self.n_bytes += len(data) - self._sizes.pop(path.name, 0)
            self._sizes[path.name] = len(data)
            self._trim()

    def _trim(self) -> None:
        while self.n_bytes > self._max_bytes and self._sizes:
            name, size = self._sizes.popitem(last=False)
            (self._folder / name).unlink(missing_ok=True)
            self.n_bytes -= size


def jpeg(image: Image) -> bytes:
    """Return a picture as JPEG."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG", quality=85, progressive=True)
    return buffer.getvalue()


def tint(label_map: LabelMap, height: int, width: int) -> bytes:
    """Return a label map's colours as PNG, transparent where it is void, with light outlines."""
    labels = enlarge(label_map, height, width)
    colors = label_map.classes.colors()[labels]
    alpha = np.where(labels == label_map.classes.void, 0, 190).astype(np.uint8)
    picture = np.dstack([colors, alpha])
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    picture[edge] = _EDGE
    return _png(PillowImage.fromarray(picture).quantize(128, PillowImage.Quantize.FASTOCTREE))


def numbers(label_map: LabelMap) -> bytes:
    """Return a label map as a PNG whose pixels are the labels, with the palette of the classes."""
    picture = PillowImage.fromarray(label_map.labels)
    if label_map.labels.dtype == np.uint8:
        picture.putpalette(label_map.classes.colors().ravel().tolist())
    return _png(picture)


def _png(picture: PillowImage.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=False)
    return buffer.getvalue()
