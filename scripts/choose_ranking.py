"""Choose how to rank on held-out training photos: benchmarks are never chosen on.

Usage: python -m scripts.choose_ranking PHOTOS CSV CACHE

PHOTOS and CSV are those of `semsig distill`. Those that it holds out (5 %) are asked for others of
their category, among every third of the rest as well; categories that mix subjects, or have fewer
than EIGHT photos here, are left out. What is computed of photos is kept below CACHE.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.paper.beat import SBS, parts
from benchmarks.paper.cache import Cache
from benchmarks.paper.distances import fused, sbs_distances
from benchmarks.paper.material import Material
from semsig.config import RerankOptions
from semsig.datasets import Photos, load_dataset
from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import find_photos
from semsig.evaluate import measure
from semsig.rankings import Distances
from semsig.segment import load_segmenter

HOLDOUT = 0.05
EVERY = 3
EIGHT = 8
MIXED = {"", "voc", "imagenet", "coco", "coco2", "scene", "camvid"}

Way = tuple[str, Distances, RerankOptions | None]


def main(folder: str, catalogue: str, cache: str) -> None:
    """Print a Markdown table: one row a way to rank."""
    photos = catalogued(Path(folder), Path(catalogue))
    segmenters = {"embedded": load_segmenter("embedded")}
    material = Material(load_dataset("msrc_v2"), photos, segmenters, Cache(Path(cache)))
    queries, count = int(photos.is_query.sum()), len(photos.paths)
    print(f"{queries} queries, {count} photos, {len(photos.classes)} categories\n")  # noqa: T201
    print("| distance | map | p@20 | map_paper |\n|---|---|---|---|")  # noqa: T201
    for name, distances, rerank in ways(material):
        found = measure(material.dataset, photos, distances, rerank=rerank).measures
        row = " | ".join(f"{found[of]:.4f}" for of in ("map", "p@20", "map_paper"))
        print(f"| {name} | {row} |", flush=True)  # noqa: T201


def catalogued(folder: Path, catalogue: Path) -> Photos:
    """Return held-out photos to ask with, and those that are searched."""
    paths = find_photos(folder)
    categories = strata_of([path.stem for path in paths], read_catalogue(catalogue))
    train, held = hold_out(categories, HOLDOUT)
    kept = np.concatenate([held, train[::EVERY]])
    size = Counter(categories[i] for i in kept)
    chosen = [i for i in kept if size[categories[i]] >= EIGHT and categories[i] not in MIXED]
    classes = tuple(sorted({categories[i] for i in chosen}))
    return Photos(
        paths=tuple(paths[i] for i in chosen),
        labels=np.array([classes.index(categories[i]) for i in chosen]),
        is_query=np.isin(chosen, held),
        in_database=np.ones(len(chosen), np.bool_),
        classes=classes,
    )


def ways(material: Material) -> Iterator[Way]:
    """Yield what is compared: steps of SBS, weights of fusion, numbers of neighbours."""
    for name, options in SBS.items():
        yield name, sbs_distances(material, options), None
    of = parts(material)
    yield "SBOVP alone", of["sbovp"], None
    yield "GeM alone", of["gem"], None
    for weights in ((0.25, 0, 1), (0.25, 0.5, 0), *product((0.125, 0.25, 0.5), (0.25, 0.5), (1,))):
        total = fused(list(zip(weights, of.values(), strict=True)))
        yield f"sbs, sbovp, gem: {weights}", total, None
    best = fused(list(zip((0.25, 0.5, 1), of.values(), strict=True)))
    for k1, k2, weight in product((10, 20, 30, 40), (4, 8), (0.1, 0.3, 0.5)):
        options = RerankOptions(k1=k1, k2=k2, weight=weight)
        yield f"all, k1 {k1}, k2 {k2}, weight {weight}", best, options


if __name__ == "__main__":
    main(*sys.argv[1:])
