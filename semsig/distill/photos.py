"""Photos and their label maps, decoded once and kept in memory up to a limit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.distill.augment import Labels, resize_labels
from semsig.errors import OptionError
from semsig.opencv import cv2
from semsig.photo.image_files import image_paths, read_image
from semsig.segment import segment_path
from semsig.segment.base import Segmenter
from semsig.types.label_map import Image

SHOWN = 0.01
"""A photo shows a class that covers more than this share of its labelled pixels."""


def find_photos(folder: Path) -> list[Path]:
    """Return the photos under `folder`, sorted by stem.

    Raises
    ------
    OptionError
        If there are fewer than two, or two share a stem: label maps are found by stem.
    """
    paths = sorted(image_paths(folder), key=lambda path: path.stem)
    if len(paths) < 2:
        raise OptionError(f"{folder} holds {len(paths)} photos; training needs at least two.")
    for first, second in pairwise(paths):
        if first.stem == second.stem:
            raise OptionError(f"{first} and {second} have the same stem; rename one.")
    return paths


class PhotoStore:
    """Pairs of photo and label map of the same size, by position.

    Parameters
    ----------
    paths : sequence of Path
        The photos.
    teacher : Segmenter
        Where their label maps come from.
    side : int
        Photos with a longer short side are reduced to it, pixels.
    budget_mb : int
        Memory for decoded pairs, in MiB; the others are read again at each use.
    workers : int
        Threads that read photos at the start.

    Raises
    ------
    ImageError, SegmenterError
        If a photo or its label map cannot be read.
    """

    classes: ClassTable
    counts: NDArray[np.int64]

    def __init__(
        self,
        paths: Sequence[Path],
        teacher: Segmenter,
        *,
        side: int = 256,
        budget_mb: int = 4_096,
        workers: int = 1,
    ) -> None:
        self.paths = tuple(paths)
        self.classes = teacher.classes
        self._teacher = teacher
        self._side = side
        self._kept: dict[int, tuple[Image, Labels]] = {}
        self.counts = np.zeros((len(paths), len(teacher.classes)), np.int64)
        room = budget_mb * 2**20
        with ThreadPoolExecutor(max(workers, 1)) as pool:
            for position, pair in enumerate(pool.map(self._read, range(len(paths)))):
                self.counts[position] = _count(pair[1], len(self.classes))
                room -= pair[0].nbytes + pair[1].nbytes
                if room >= 0:
                    self._kept[position] = pair

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> tuple[Image, Labels]:
        return self._kept[position] if position in self._kept else self._read(position)

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Which classes each photo shows, shape (N, M)."""
        return np.asarray(self.counts > SHOWN * self.counts.sum(1, keepdims=True))

    @property
    def dominant(self) -> list[int]:
        """The most frequent class of each photo."""
        return [int(label) for label in self.counts.argmax(1)]

    def _read(self, position: int) -> tuple[Image, Labels]:
        path = self.paths[position]
        image = read_image(path, at_least=self._side)
        scale = self._side / min(image.shape[:2])
        if scale < 1:
            size = round(image.shape[1] * scale), round(image.shape[0] * scale)
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        labels = segment_path(self._teacher, path).labels
        return image, resize_labels(labels, (image.shape[1], image.shape[0]))


def _count(labels: Labels, classes: int) -> NDArray[np.int64]:
    return np.bincount(labels[labels < classes].ravel(), minlength=classes)
