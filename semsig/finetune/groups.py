"""Matching photos: by class folders, a CSV, geometry, or as views of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.datasets import own_dataset
from semsig.errors import ImageError, OptionError
from semsig.finetune.options import FinetuneOptions
from semsig.finetune.reconstruction import require_pycolmap
from semsig.photo.image_files import image_paths, read_image
from semsig.segment.batching import resize
from semsig.types import Image

SPARE = 1.15
"""Photos are kept this many times larger than the crops taken from them."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Photos in memory, and which of them match.

    Parameters
    ----------
    names : tuple of str
        Names of the photos.
    images : tuple of ndarray of uint8, shape (H, W, 3)
        RGB, short side :data:`SPARE` times that of the crops.
    labels : ndarray of int64, shape (N,)
        Photos with one label match; a photo with -1 matches none.
    matches : tuple of ndarray of int64, optional
        For each photo, those of its label that are used as its matches; all of them if not given.
    """

    names: tuple[str, ...]
    images: tuple[Image, ...]
    labels: NDArray[np.int64]
    matches: tuple[NDArray[np.int64], ...] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: NDArray[np.bool_]) -> Groups:
        """Return the chosen photos."""
        kept = np.flatnonzero(chosen).tolist()
        places = np.cumsum(chosen) - 1
        return Groups(
            tuple(self.names[n] for n in kept),
            tuple(self.images[n] for n in kept),
            self.labels[chosen],
            self.matches and tuple(places[self.matches[n][chosen[self.matches[n]]]] for n in kept),
        )

    def relations(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which pairs of photos match, and which do not, both (n, n).

        If `matches` are given, pairs of one label that are not among them are in neither.
        """
        labels = self.labels[numbers]
        same = labels[:, None] == labels
        if self.matches is None:
            return same, ~same
        known = np.stack([np.isin(numbers, self.matches[n]) for n in numbers.tolist()])
        return known | known.T | (numbers[:, None] == numbers), ~same

    def pairs(self) -> NDArray[np.int64]:
        """Return the pairs of a photo and its match in `matches`, (K, 2)."""
        found = [(n, i) for n, row in enumerate(self.matches or ()) for i in row.tolist()]
        return np.array(found, np.int64).reshape(-1, 2)


def load_groups(options: FinetuneOptions) -> Groups:
    """Read the photos, and find which of them match.

    Raises
    ------
    OptionError, DatasetError
        If there are no matching photos, or the folder does not fit `source`.
    ReconstructionError
        If structure from motion is requested and finds no pairs.
    """
    if options.source in ("folders", "table"):
        return labelled(options.photos, options.side, options.table)
    if options.source == "sfm":
        require_pycolmap()  # fail before minutes of mining
    paths = image_paths(options.photos)
    images = _read(paths, options.side)
    kept = [n for n, image in enumerate(images) if image is not None]
    found = tuple(image for image in images if image is not None)
    labels, matches = np.arange(len(found)), None
    if options.source in ("mined", "sfm"):
        from semsig.finetune.mining import mine

        kept_paths = [paths[n] for n in kept]
        labels = mine(kept_paths)
        if labels.max(initial=-1) < 1:
            raise OptionError(
                f"Expected at least two groups of photos of one thing in {options.photos}, found "
                f"{labels.max(initial=-1) + 1}. Add photos, or learn from views."
            )
        if options.source == "sfm":
            from semsig.finetune.hard_pairs import matches_of

            matches = matches_of(kept_paths, labels)
    return Groups(tuple(paths[n].name for n in kept), found, labels, matches)


def labelled(folder: Path, side: int, table: Path | None = None) -> Groups:
    """Read photos of class folders, or labelled by a CSV; those that cannot be read are left out.

    Raises
    ------
    DatasetError
        If the folder or the CSV does not fit.
    """
    photos = own_dataset(folder, table=table).scan(folder)
    images = _read(photos.paths, side)
    kept = np.array([image is not None for image in images])
    everything = Groups(
        photos.names, tuple(i if i is not None else _NONE for i in images), photos.labels
    )
    return everything.take(kept)


_NONE = np.zeros((1, 1, 3), np.uint8)


def split(groups: Groups, share: float, seed: int) -> tuple[Groups, Groups]:
    """Divide photos by group into those to learn from and a share of groups that is left out.

    Raises
    ------
    OptionError
        If fewer than two groups of two photos would be left to learn from.
    """
    labels, counts = np.unique(groups.labels[groups.labels >= 0], return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(labels)
    away = shuffled[: round(share * len(shuffled))]
    outside = np.isin(groups.labels, away)
    learned = groups.take(~outside)
    sizes = counts[~np.isin(labels, away)]
    if (sizes > 1).sum() < 2 and not (counts == 1).all():
        raise OptionError(
            f"Expected at least two groups of two photos to learn from, got {(sizes > 1).sum()}; "
            "leave out fewer, or add photos."
        )
    return learned, groups.take(outside)


def unlabelled(groups: Groups) -> bool:
    """Tell whether every photo is its own group, so that only its views match it."""
    labels, counts = np.unique(groups.labels[groups.labels >= 0], return_counts=True)
    return bool((counts == 1).all()) and len(labels) > 1


def _read(paths: Sequence[Path], side: int) -> list[Image | None]:
    short = round(side * SPARE)

    def read(path: Path) -> Image | None:
        try:
            image = read_image(path, at_least=short)
        except ImageError:
            return None
        height, width = image.shape[:2]
        scale = short / min(height, width)
        size = max(short, round(height * scale)), max(short, round(width * scale))
        # crops are square, so of photos longer than 2:1 the middle is enough
        return _middle(resize(image, size), 2 * short)

    return [read(path) for path in paths]


def _middle(image: Image, longest: int) -> Image:
    top, left = (max(0, size - longest) // 2 for size in image.shape[:2])
    return image[top : top + longest, left : left + longest].copy()
