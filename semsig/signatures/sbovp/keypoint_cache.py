"""Keypoints of many photos, on all cores, and cached on disk."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from semsig.arrays import read_npz
from semsig.durable import DOCUMENT_BYTES, make_folder, read_regular, write_file
from semsig.errors import SemsigError
from semsig.parallel import ordered_map, usable_cores
from semsig.signatures.sbovp.keypoints import KeypointDetector
from semsig.types import Image, Keypoints

_VERSION = b"semsig keypoints 1"
_ARRAYS = ("points", "descriptors", "responses", "size")
_DIGEST = hashlib.sha256().digest_size


class KeypointCache:
    """Keypoints on disk, by the photo's pixels and by how they were found.

    An entry is a SHA-256 followed by an .npz archive of that hash, written aside and renamed. One
    that is damaged counts as absent, and one that cannot be written is left out: a cache never
    costs more than the time it would have saved. Threads and processes may share the folder.

    Parameters
    ----------
    folder : path-like
        Where to keep them; made when the first is written.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)

    def detect(self, image: Image, detector: KeypointDetector) -> Keypoints:
        """Return the keypoints of a photo, from the folder or from the detector."""
        path = self.folder / f"{_key(image, detector)}.kp"
        found = _read(path)
        if found is None:
            found = detector(image)
            _write(path, found)
        return found


def detect_all(
    images: Iterable[Image],
    detector: KeypointDetector,
    *,
    cache: KeypointCache | None = None,
    workers: int | None = None,
) -> Iterator[Keypoints]:
    """Yield the keypoints of many photos in their order, each found by one core.

    Parameters
    ----------
    images : iterable of ndarray of uint8, shape (H, W, 3)
        The photos; read a few ahead.
    detector : KeypointDetector
        From :func:`load_detector`.
    cache : KeypointCache, optional
        Where found keypoints are kept and looked up.
    workers : int, optional
        Photos at a time, at least 1; the number of cores by default.
    """
    from semsig.opencv import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)

    def find(image: Image) -> Keypoints:
        return cache.detect(image, detector) if cache else detector(image)

    try:
        yield from ordered_map(find, images, workers or usable_cores())
    finally:
        cv2.setNumThreads(threads)


def _key(image: Image, detector: KeypointDetector) -> str:
    made = f"{detector.name} {asdict(detector.options)} {image.shape}"
    digest = hashlib.sha256(_VERSION + made.encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def _read(path: Path) -> Keypoints | None:
    try:
        content = read_regular(path)
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return None
        arrays = read_npz(content[_DIGEST:], most=DOCUMENT_BYTES, only=_ARRAYS)
        height, width = arrays.pop("size").tolist()
        return Keypoints(**arrays, size=(height, width))
    except (OSError, ValueError, TypeError, SemsigError):
        return None


def _write(path: Path, found: Keypoints) -> None:
    body = io.BytesIO()
    np.savez(
        body,
        points=found.points,
        descriptors=found.descriptors,
        responses=found.responses,
        size=np.array(found.size),
    )
    with suppress(OSError):
        make_folder(path.parent)
        content = hashlib.sha256(body.getvalue()).digest() + body.getvalue()
        write_file(path, content, sync=False)
