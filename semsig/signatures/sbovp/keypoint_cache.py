"""Keypoints of many photos: over all cores, and kept on disk, so that each is found once."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from semsig.errors import SemsigError
from semsig.parallel import ordered_map
from semsig.signatures.sbovp.keypoints import KeypointDetector
from semsig.types import Image, Keypoints

_VERSION = b"semsig keypoints 1"
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
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)

    def find(image: Image) -> Keypoints:
        return cache.detect(image, detector) if cache else detector(image)

    try:
        yield from ordered_map(find, images, workers or os.cpu_count() or 1)
    finally:
        cv2.setNumThreads(threads)


def _key(image: Image, detector: KeypointDetector) -> str:
    made = f"{detector.name} {asdict(detector.options)} {image.shape}"
    digest = hashlib.sha256(_VERSION + made.encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def _read(path: Path) -> Keypoints | None:
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return None
        with np.load(io.BytesIO(content[_DIGEST:]), allow_pickle=False) as arrays:
            size = tuple(arrays["size"].tolist())
            return Keypoints(arrays["points"], arrays["descriptors"], arrays["responses"], size)
    except (OSError, ValueError, KeyError, SemsigError):
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
    temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(hashlib.sha256(body.getvalue()).digest() + body.getvalue())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
