"""Synthetic label maps with the statistics that matter for speed, and their signatures.

There are several kinds of scene, each with classes of its own in Zipf proportions; each class has
a preferred height in the picture. A scene is a warped, weighted Voronoi diagram of regions with
some elliptic objects. Most scenes are variations of a limited number of layouts, so that they
form clusters.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig import ClassTable, LabelMap, SbsBatch, SbsSchema
from semsig.signatures.sbs.encoding import sbs_batch

N_CLASSES = 194
KINDS = 40
CLASSES_A_KIND = 30

CLASSES = ClassTable([f"class {label}" for label in range(N_CLASSES)], name="bench")
_MOST_RENDERED = 100_000
CACHE = Path(__file__).resolve().parent.parent / "build"


@lru_cache
def world() -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each kind's classes and their shares, and each class's preferred height."""
    rng = np.random.default_rng(1)
    zipf = 1 / np.arange(1, N_CLASSES + 1)
    names = rng.permutation(N_CLASSES)
    shape = KINDS, CLASSES_A_KIND
    kinds = np.empty(shape, np.int64)
    for kind in kinds:
        kind[:] = names[rng.choice(N_CLASSES, CLASSES_A_KIND, replace=False, p=zipf / zipf.sum())]
    shares = 1 / np.arange(1, CLASSES_A_KIND + 1) ** 0.9
    return kinds, shares / shares.sum(), rng.random(N_CLASSES)


def scene(seed: int, layouts: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return one label map, shape (height, width)."""
    kinds, shares, heights = world()
    rng = np.random.default_rng(seed)
    layout = int(rng.integers(layouts)) if rng.random() < 0.6 else layouts + seed
    plan = np.random.default_rng([layout, 17])
    kind = kinds[int(KINDS * plan.random() ** 1.7)]
    labels, x, y, size = _regions(plan, kind, shares, heights)
    x = x + 0.07 * rng.standard_normal(len(x))
    y = y + 0.05 * rng.standard_normal(len(y))
    other = rng.random(len(labels)) < 0.15
    labels = np.where(other, rng.choice(kind, len(labels), p=shares), labels)
    picture = labels[_voronoi(rng, x, y, size, height, width)].astype(np.uint8)
    for _ in range(int(rng.integers(16))):
        _add_object(rng, int(rng.choice(kind, p=shares)), heights, picture)
    return picture


def _regions(
    rng: np.random.Generator,
    kind: NDArray[np.int64],
    shares: NDArray[np.float64],
    heights: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    drawn = rng.choice(kind, int(rng.integers(4, 12)), p=shares)
    labels = np.concatenate([drawn, rng.choice(drawn, int(rng.integers(8, 30)))])
    y = 0.65 * heights[labels] + 0.35 * rng.random(len(labels))
    return labels, rng.random(len(labels)), y, 0.03 * rng.random(len(labels))


def _voronoi(
    rng: np.random.Generator,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    size: NDArray[np.float64],
    height: int,
    width: int,
) -> NDArray[np.int64]:
    """Return the Voronoi site of each pixel, with borders bent by two sine waves."""
    phase = rng.random(4) * 2 * np.pi
    bend, waves = 0.025 + 0.035 * rng.random(), 4 + 14 * rng.random()
    down = (np.arange(height)[:, None] + 0.5) / height
    across = (np.arange(width)[None, :] + 0.5) / width

    def wave(at: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
        return bend * np.sin(waves * at + a) + bend / 2 * np.sin(3.1 * waves * at + b)

    px = (across + wave(down, phase[0], phase[1])).astype(np.float32)
    py = (down + wave(across, phase[2], phase[3])).astype(np.float32)
    points = np.stack([px, py, np.ones_like(px)], axis=-1)
    sites = np.stack([-2 * x, -4 * y, x * x + 2 * y * y - size]).astype(np.float32)
    return np.argmin(points @ sites, axis=-1)


def _add_object(
    rng: np.random.Generator, label: int, heights: NDArray[np.float64], picture: NDArray[np.uint8]
) -> None:
    height, width = picture.shape
    x, y = rng.random() * width, (0.6 * heights[label] + 0.4 * rng.random()) * height
    rx, ry = (0.015 + 0.09 * rng.random()) * width, (0.02 + 0.11 * rng.random()) * height
    rows = slice(max(0, int(y - ry)), int(y + ry) + 1)
    columns = slice(max(0, int(x - rx)), int(x + rx) + 1)
    down, across = np.ogrid[rows, columns]
    down, across = down[down < height], across[across < width]
    inside = ((across[None] - x) / rx) ** 2 + ((down.reshape(-1, 1) - y) / ry) ** 2 <= 1
    picture[rows, columns][inside] = label


def label_maps(count: int, height: int, width: int) -> list[LabelMap]:
    """Return `count` label maps of one size."""
    return [LabelMap(scene(77 + i, 1000, height, width), CLASSES) for i in range(count)]


def signatures(count: int, *, queries: bool = False) -> SbsBatch:
    """Return `count` signatures at n = 3, cached in ``build/``.

    Queries are other scenes over the layouts of 100,000 rows. More than 100,000 rows are
    recombined from these, see :func:`_recombine`: rendering a million would take an hour.
    """
    if count > _MOST_RENDERED:
        return _recombine(signatures(_MOST_RENDERED), count)
    name = f"scenes-{'queries-' if queries else ''}{count}.npz"
    path = CACHE / name
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return SbsBatch(stored["cells"], stored["offsets"], SbsSchema(3, CLASSES))
    batch = _make(count, 10**9 if queries else 0, 5000 if queries else max(50, count // 20))
    CACHE.mkdir(exist_ok=True)
    np.savez(path, cells=batch.cells, offsets=batch.offsets)
    return batch


def _make(count: int, first: int, layouts: int) -> SbsBatch:
    parts = []
    for start in range(first, first + count, 1000):
        seeds = range(start, min(start + 1000, first + count))
        maps = [LabelMap(scene(seed, layouts, 48, 72), CLASSES) for seed in seeds]
        parts.append(sbs_batch(maps))
    cells = np.concatenate([part.cells for part in parts])
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return SbsBatch(cells, np.concatenate([[0], np.cumsum(lengths)]), parts[0].schema)


def _recombine(scenes: SbsBatch, count: int) -> SbsBatch:
    """Combine the upper rows of blocks of one scene with the lower ones of another of its kind."""
    rng = np.random.default_rng(5)
    kind = _kinds(len(scenes))
    order = np.argsort(kind, kind="stable")
    upper = rng.integers(len(scenes), size=count)
    first = np.searchsorted(kind[order], kind[upper])
    size = np.searchsorted(kind[order], kind[upper], side="right") - first
    lower = order[first + (rng.random(count) * size).astype(np.int64)]
    cut = _row_starts(scenes)
    row = rng.integers(1, 9, size=count)
    starts = np.stack([cut[upper, 0], cut[lower, row]], axis=1).reshape(-1)
    lengths = np.stack([cut[upper, row], cut[lower, 8]], axis=1).reshape(-1) - starts
    ends = np.cumsum(lengths)
    cells = np.empty(ends[-1], scenes.cells.dtype)
    for at in range(0, len(starts), 100_000):
        part = slice(at, at + 100_000)
        before = ends[part] - lengths[part]
        take = np.arange(before[0], ends[part][-1])
        take += np.repeat(starts[part] - before, lengths[part])
        cells[before[0] : ends[part][-1]] = scenes.cells[take]
    return SbsBatch(cells, np.concatenate([[0], ends[1::2]]), scenes.schema)


def _kinds(count: int) -> NDArray[np.int64]:
    """Return the kind of each of the first scenes, by the same random draws as :func:`scene`."""
    kinds, layouts = np.empty(count, np.int64), count // 20
    for seed in range(count):
        rng = np.random.default_rng(seed)
        layout = int(rng.integers(layouts)) if rng.random() < 0.6 else layouts + seed
        kinds[seed] = int(KINDS * np.random.default_rng([layout, 17]).random() ** 1.7)
    return kinds


def _row_starts(scenes: SbsBatch) -> NDArray[np.int64]:
    """Return where each row of blocks starts in each scene's cells, and their end, (N, 9)."""
    row = (scenes.cells.astype(np.int64) >> 2) // N_CLASSES // 8
    key = np.repeat(np.arange(len(scenes)), np.diff(scenes.offsets)) * 8 + row
    starts = np.searchsorted(key, np.arange(8 * len(scenes)))
    return np.concatenate([starts.reshape(-1, 8), scenes.offsets[1:, None]], axis=1)
