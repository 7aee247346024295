"""Choose how to rank on held-out training photos: benchmarks are never chosen on.

Usage: python -m scripts.choose_ranking PHOTOS CSV CACHE

PHOTOS and CSV are those of `semsig distill`. Those that it holds out (5 %) are asked for others of
their category, among every third of the rest as well; categories that mix subjects, or have fewer
than EIGHT photos here, are left out. What is computed of photos is kept below CACHE.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper.beat import SBS, fusion, fusions, parts
from benchmarks.paper.cache import Cache
from benchmarks.paper.distances import sbs_distances
from benchmarks.paper.material import Material
from semsig.datasets import Photos, load_dataset
from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import find_photos
from semsig.evaluate import measure
from semsig.evaluate.rankings import Distances
from semsig.search.options import ExpandOptions, Reranking, RerankOptions
from semsig.segment import load_segmenter

HOLDOUT = 0.05
EVERY = 3
EIGHT = 8
MIXED = {"", "voc", "imagenet", "coco", "coco2", "scene", "camvid"}

Way = tuple[str, Distances, Reranking | None]


def main(folder: str, catalogue: str, cache: str) -> None:
    """Print a Markdown table: one row a way to rank."""
    photos, _ = catalogued(Path(folder), Path(catalogue))
    segmenters = {"embedded": load_segmenter("embedded", threads=1)}
    material = Material(load_dataset("msrc_v2"), photos, segmenters, Cache(Path(cache)))
    queries, count = int(photos.is_query.sum()), len(photos.paths)
    print(f"{queries} queries, {count} photos, {len(photos.classes)} categories\n")  # noqa: T201
    print("| distance | map | p@20 | map_paper |\n|---|---|---|---|")  # noqa: T201
    for name, distances, rerank in ways(material):
        found = measure(material.dataset, photos, distances, rerank=rerank).measures
        row = " | ".join(f"{found[of]:.4f}" for of in ("map", "p@20", "map_paper"))
        print(f"| {name} | {row} |", flush=True)  # noqa: T201


def catalogued(folder: Path, catalogue: Path) -> tuple[Photos, Photos]:
    """Return held-out photos to ask with among some that are searched, and all the others."""
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
    """Yield what is compared: steps of SBS, weights of fusion, neighbours of both kinds."""
    for name, options in SBS.items():
        yield name, sbs_distances(material, options), None
    of = parts(material)
    for name in ("sbovp", "gem", "axes"):
        yield f"{name} alone", of[name], None
    for deep, sbs, sbovp in product(("gem", "axes"), (0, 0.1, 0.25, 0.5), (0, 0.25, 0.5)):
        weights = {"sbs": sbs, "sbovp": sbovp, deep: 1}
        yield f"weights {weights}", fusion(of, weights), None
    for name, distances in fusions(of).items():
        for k1, k2, weight in product((20, 30, 40), (4, 8), (0.1, 0.3, 0.5)):
            rerank = RerankOptions(k1=k1, k2=k2, weight=weight)
            yield f"{name}, k1 {k1}, k2 {k2}, weight {weight}", distances, rerank
        for neighbors, alpha in product((4, 8, 16), (0, 1, 3)):
            expand = ExpandOptions(neighbors=neighbors, alpha=alpha)
            yield f"{name}, {neighbors} neighbours, alpha {alpha}", distances, expand


if __name__ == "__main__":
    main(*sys.argv[1:])
