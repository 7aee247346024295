"""The training photos, with their categories, for the scripts that fit and choose by them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.photo.image_files import read_image
from semsig.types import Image

MIXED = frozenset({"coco", "coco2", "imagenet", "people", "scene", "voc"})
"""Photos of all kinds of things: no category."""


@dataclass(frozen=True, slots=True)
class TrainingPhotos:
    """Photos and their categories.

    Parameters
    ----------
    paths : list of Path
        The photos.
    labels : ndarray of int64, shape (N,)
        Each photo's category; -1 where it has none.
    """

    paths: list[Path]
    labels: NDArray[np.int64]

    @classmethod
    def read(cls, photos: Path, table: Path) -> TrainingPhotos:
        """Read the columns `file` and `category` of a CSV file."""
        with table.open(newline="") as file:
            rows = list(csv.DictReader(file))
        names = np.array([row["category"] for row in rows])
        labels = np.unique(names, return_inverse=True)[1].astype(np.int64)
        labels[np.isin(names, sorted(MIXED))] = -1
        return cls([photos / row["file"] for row in rows], labels)

    def images(self, at_least: int) -> Iterator[Image]:
        """Yield the photos, decoded with a short side of so many pixels or more."""
        return (read_image(path, at_least=at_least) for path in self.paths)
