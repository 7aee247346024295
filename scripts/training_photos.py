"""The training photos with their categories, for the scripts that fit and choose on them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.datasets import Photos
from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import find_photos
from semsig.photo.image_files import read_image
from semsig.types import Image

MIXED = frozenset({"coco", "coco2", "imagenet", "people", "scene", "voc"})
"""Categories of mixed content, which do not count as categories."""

HOLDOUT = 0.05
EVERY = 3
EIGHT = 8
_NO_SUBJECT = {"", "voc", "imagenet", "coco", "coco2", "scene", "camvid"}


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
        """Yield the photos, decoded with a short side of at least so many pixels."""
        return (read_image(path, at_least=at_least) for path in self.paths)


def catalogued(folder: Path, catalogue: Path) -> tuple[Photos, Photos]:
    """Return the searched photos, held-out queries among them, and all the other photos.

    Queries are the photos that `semsig distill` holds out (5 %); searched are these and every third
    of the rest. Categories of mixed content, or with fewer than EIGHT photos here, are left out.
    """
    paths = find_photos(folder)
    categories = strata_of([path.stem for path in paths], read_catalogue(catalogue))
    train, held = hold_out(categories, HOLDOUT)
    searched = np.concatenate([held, train[::EVERY]])
    others = np.setdiff1d(train, searched)
    first, rest = (_photos(paths, categories, kept, held) for kept in (searched, others))
    return first, rest


def _photos(
    paths: Sequence[Path],
    categories: Sequence[str],
    kept: NDArray[np.int64],
    held: NDArray[np.int64],
) -> Photos:
    size = Counter(categories[i] for i in kept)
    chosen = [i for i in kept if size[categories[i]] >= EIGHT and categories[i] not in _NO_SUBJECT]
    classes = tuple(sorted({categories[i] for i in chosen}))
    return Photos(
        paths=tuple(paths[i] for i in chosen),
        labels=np.array([classes.index(categories[i]) for i in chosen]),
        is_query=np.isin(chosen, held),
        in_database=np.ones(len(chosen), np.bool_),
        classes=classes,
    )
