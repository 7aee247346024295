"""Choose how a feature map becomes a descriptor, on training photos that search their category.

    python -m scripts.choose_pooled PHOTOS CSV [--network NAME] [--pools NAME ...] [--every N]

PHOTOS holds the photos, CSV their `file` and `category`. The categories are split into halves.
Projections are fitted to the photos of one half and to those without a category, and measured on up
to 40 photos per category of the other half, which search each other; then the halves are exchanged.
Learned whitening therefore never sees the categories that it is measured on. Printed are the means
of both halves: strict map and p@20, with the query left out. The defaults of `PooledOptions` and
`SHRINK` were chosen by it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from scripts.training_photos import TrainingPhotos
from semsig.parallel import ordered_map, usable_cores
from semsig.segment import load_segmenter, require_maps
from semsig.signatures import Pooling, Projection, fit_pca, fit_whitening
from semsig.signatures.pooled.encoding import unit, unit_vectors
from semsig.types import Image

A_CATEGORY = 40
POWERS = (1.0, 0.5)
DIMS = (64, 128, 256)
SHRINKS = (0.3, 1.0, 3.0, 10.0)

Rows = NDArray[np.floating[Any]]
Measure = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Half:
    """The photos to fit to, and the photos to search."""

    fitted: NDArray[np.int64]
    searched: NDArray[np.int64]


def halves(labels: NDArray[np.int64]) -> list[Half]:
    """Return both halves of the categories, drawn with a fixed seed."""
    random = np.random.default_rng(0)
    names, counts = np.unique(labels[labels >= 0], return_counts=True)
    categories = random.permutation(names[counts > 1])
    found = []
    for part in (0, 1):
        own = categories[part::2]
        drawn = [random.permutation(np.flatnonzero(labels == one))[:A_CATEGORY] for one in own]
        found.append(Half(np.flatnonzero(~np.isin(labels, own)), np.concatenate(drawn)))
    return found


def seen(photos: TrainingPhotos, name: str, poolings: Sequence[Pooling]) -> list[list[Rows]]:
    """Return the vectors of each photo for each pooling, from one forward pass of the network."""
    network = require_maps(load_segmenter(name, threads=1))

    def vectors(image: Image) -> list[Rows]:
        [(_, features)] = network.describe_maps([image])
        return [unit_vectors(features, pooling).astype(np.float32) for pooling in poolings]

    images = photos.images(getattr(network, "short_side", 1))
    every = track(
        ordered_map(vectors, images, usable_cores()),
        "photos",
        len(photos.paths),
        console=Console(stderr=True),
    )
    return [list(one) for one in zip(*every, strict=True)]


def measure(rows: Rows, labels: NDArray[np.int64]) -> Measure:
    """Return mean average precision and precision at 20, with the query left out."""
    products = rows @ rows.T
    precisions, firsts = [], []
    for number, near in enumerate(products):
        order = np.argsort(-near, kind="stable")
        right = labels[order[order != number]] == labels[number]
        places = np.flatnonzero(right)
        precisions.append(((np.arange(len(places)) + 1) / (places + 1)).mean())
        firsts.append(right[:20].mean())
    return float(np.mean(precisions)), float(np.mean(firsts))


def fits(pooling: Pooling, most: int) -> Iterator[tuple[str, Callable[..., Projection]]]:
    """Yield the ways to fit a projection to rows and groups, with their names."""
    told = {"dims": most, "network": "", "pooling": pooling}
    for whiten in (0.0, 0.5, 1.0):
        yield f"PCA, whitened {whiten:g}", lambda rows, _, w=whiten: fit_pca(rows, whiten=w, **told)
    for shrink in SHRINKS:
        yield (
            f"learned whitening, shrink {shrink:g}",
            lambda rows, groups, s=shrink: fit_whitening(rows, groups, shrink=s, **told),
        )


def compare(vectors: list[Rows], labels: NDArray[np.int64], pooling: Pooling) -> None:
    """Print one line per way to fit and number of dimensions."""
    owners = np.repeat(np.arange(len(vectors)), [len(one) for one in vectors])
    every = np.concatenate(vectors)
    ways = dict(fits(pooling, min(max(DIMS), every.shape[1])))
    found: dict[tuple[str, int], list[Measure]] = {}
    for half in halves(labels):
        own = labels[half.searched]
        mine = [vectors[i] for i in half.searched]
        plain = unit(np.stack([rows.sum(0) for rows in mine]))
        found.setdefault(("none", every.shape[1]), []).append(measure(plain, own))
        fitted = np.isin(owners, half.fitted)
        for name, fit in ways.items():
            projection = fit(every[fitted], labels[owners[fitted]])
            for dims in [dims for dims in DIMS if dims <= projection.most_dims]:
                sums = [unit(projection(rows, dims)).sum(0) for rows in mine]
                found.setdefault((name, dims), []).append(measure(unit(np.stack(sums)), own))
    for (name, dims), both in found.items():
        line = f"| {pooling.pool} | {pooling.power:g} | {name} | {dims} |"
        sys.stdout.write(f"{line} {' | '.join(f'{x:.4f}' for x in np.mean(both, 0))} |\n")
    sys.stdout.flush()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--network", default="lite")
    parser.add_argument("--pools", nargs="+", default=["spoc", "mac", "gem", "crow", "rmac"])
    parser.add_argument("--every", type=int, default=1, help="take every so-manieth photo")
    options = parser.parse_args()
    photos = TrainingPhotos.read(options.photos, options.csv)
    some = slice(None, None, options.every)
    photos = TrainingPhotos(photos.paths[some], photos.labels[some])
    sys.stdout.write(f"{options.network}: {len(photos.paths):,} photos\n\n")
    sys.stdout.write("| pool | power | projection | dims | map | p@20 |\n" + "| --- " * 6 + "|\n")
    poolings = [Pooling(pool=pool, power=power) for pool in options.pools for power in POWERS]
    for pooling, vectors in zip(poolings, seen(photos, options.network, poolings), strict=True):
        compare(vectors, photos.labels, pooling)


if __name__ == "__main__":
    main()
