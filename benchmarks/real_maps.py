"""Signatures of real label maps, cropped, scaled, mirrored and pasted into one another.

A folder holds label maps as PNG files of class numbers, directly or in ``labels/``, and
``classes.txt`` with one class, or class and colour, per line. Labels without a line are void.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.scenes import CACHE
from semsig import ClassTable, LabelMap, SbsBatch, SbsSchema
from semsig.signatures.sbs.encoding import sbs_batch

SHAPE = 48, 72
_SIDE = 128
"""Maps are scaled to this longer side in pixels, so that crops are larger than generated maps."""
_LEAST_CROP = 0.4
_MIRRORED, _PASTED = 0.5, 0.4
_AT_ONCE = 1000
_QUERIES_FROM = 10**9

Labels = NDArray[np.uint8]


def signatures(folder: Path, count: int, *, queries: bool = False) -> SbsBatch:
    """Return `count` signatures at n = 3, cached in ``build/``; queries are other random draws."""
    classes = read_classes(folder)
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    path = CACHE / f"maps-{name}-{'queries-' if queries else ''}{count}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return SbsBatch(stored["cells"], stored["offsets"], SbsSchema(3, classes))
    batch = make(read_maps(folder, classes), classes, count, _QUERIES_FROM if queries else 0)
    CACHE.mkdir(exist_ok=True)
    np.savez(path, cells=batch.cells, offsets=batch.offsets)
    return batch


def read_classes(folder: Path) -> ClassTable:
    lines = (folder / "classes.txt").read_text("utf-8").splitlines()
    return ClassTable([line.strip() for line in lines if line.strip()], name=folder.name)


def read_maps(folder: Path, classes: ClassTable) -> list[Labels]:
    """Return the label maps of a folder, scaled down."""
    within = folder / "labels"
    maps = []
    for path in sorted((within if within.is_dir() else folder).glob("*.png")):
        with Image.open(path) as picture:
            labels = np.asarray(picture)
        step = max(1, max(labels.shape) // _SIDE)
        labels = labels[::step, ::step].astype(np.uint8)
        maps.append(np.where(labels < len(classes), labels, classes.void).astype(np.uint8))
    if not maps:
        raise SystemExit(f"{folder} has no label maps: PNG files of class numbers")
    return maps


def make(maps: list[Labels], classes: ClassTable, count: int, first: int) -> SbsBatch:
    """Return the signatures of the draws `first`, `first` + 1, ..."""
    parts = []
    for start in range(first, first + count, _AT_ONCE):
        seeds = range(start, min(start + _AT_ONCE, first + count))
        parts.append(sbs_batch([LabelMap(draw(maps, seed), classes) for seed in seeds]))
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    cells = np.concatenate([part.cells for part in parts])
    return SbsBatch(cells, np.concatenate([[0], np.cumsum(lengths)]), parts[0].schema)


def draw(maps: list[Labels], seed: int) -> Labels:
    """Return one label map of shape SHAPE: a crop of a map, possibly with part of another in it."""
    rng = np.random.default_rng(seed)
    picture = _crop(maps, rng, *SHAPE)
    if rng.random() < _PASTED:
        height, width = (int(side * (0.2 + 0.4 * rng.random())) for side in SHAPE)
        top, left = int(rng.integers(SHAPE[0] - height)), int(rng.integers(SHAPE[1] - width))
        picture[top : top + height, left : left + width] = _crop(maps, rng, height, width)
    return picture


def _crop(maps: list[Labels], rng: np.random.Generator, height: int, width: int) -> Labels:
    labels = maps[int(rng.integers(len(maps)))]
    share = _LEAST_CROP + (1 - _LEAST_CROP) * rng.random(2)
    start = (1 - share) * rng.random(2)
    rows, columns = (
        ((start[axis] + share[axis] * (np.arange(side) + 0.5) / side) * labels.shape[axis]).astype(
            np.int64
        )
        for axis, side in enumerate((height, width))
    )
    return labels[rows[:, None], columns[::-1] if rng.random() < _MIRRORED else columns]
