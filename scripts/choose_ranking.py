"""Choose how to rank on held-out training photos: benchmarks are never chosen on.

Usage: python -m scripts.choose_ranking PHOTOS CSV CACHE

PHOTOS and CSV are those of `semsig distill`. Those that it holds out (5 %) are asked for others of
their category, among every third of the rest as well; categories that mix subjects, or have fewer
than EIGHT photos here, are left out. Each way is measured with axes learned from all categories,
and for new categories: with axes of half of them for the queries of the other half. What is
computed of photos is kept below CACHE.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper.axes import SHRINK, Axes
from benchmarks.paper.beat import FUSIONS, SBS, described, fusion, parts
from benchmarks.paper.cache import Cache
from benchmarks.paper.distances import remembered, sbs_distances, vector_distances
from benchmarks.paper.material import Material
from semsig.config import ExpandOptions, Reranking, RerankOptions
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

MEASURES = ("map", "p@20", "map_paper")

Parts = Mapping[str, Distances]
Way = tuple[str, Mapping[str, float], Reranking | None]


def main(folder: str, catalogue: str, cache: str) -> None:
    """Print a Markdown table: one row a way to rank."""
    photos, others = catalogued(Path(folder), Path(catalogue))
    segmenters, kept = {"embedded": load_segmenter("embedded")}, Cache(Path(cache))
    dataset = load_dataset("msrc_v2")
    material, learned = (Material(dataset, some, segmenters, kept) for some in (photos, others))
    trials = [*_trials(material, learned)]
    queries, count = int(photos.is_query.sum()), len(photos.paths)
    print(f"{queries} queries, {count} photos, {len(photos.classes)} categories\n")  # noqa: T201
    header = [*MEASURES, *(f"{measure}, new categories" for measure in MEASURES)]
    print(f"| distance | {' | '.join(header)} |\n" + "|---" * (1 + len(header)) + "|")  # noqa: T201
    for name, weights, rerank in ways():
        known, *new = (
            measure(dataset, asked, fusion(of, weights), rerank=rerank).measures
            for asked, of in trials
        )
        shares = [int(asked.is_query.sum()) / queries for asked, _ in trials[1:]]
        found = [known[m] for m in MEASURES]
        found += [sum(s * one[m] for s, one in zip(shares, new, strict=True)) for m in MEASURES]
        print(f"| {name} | {' | '.join(f'{v:.4f}' for v in found)} |", flush=True)  # noqa: T201


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


def _trials(material: Material, learned: Material) -> Iterator[tuple[Photos, Parts]]:
    """Yield who asks, and parts: with axes of all categories; then of half, for the other half."""
    photos, rows, known = material.photos, described(material), described(learned)
    mine, theirs = (np.array(some.classes)[some.labels] for some in (photos, learned.photos))
    names = np.unique([*mine, *theirs])
    even, others_even = (np.searchsorted(names, some) % 2 == 0 for some in (mine, theirs))
    of = {name: sbs_distances(material, options) for name, options in SBS.items()}
    of |= parts(material)
    everyone, all_learned = np.ones_like(even), np.ones_like(others_even)
    for asked, kept in ((everyone, all_learned), (even, ~others_even), (~even, others_even)):
        axes = Axes.learn(known[kept], theirs[kept], "", shrink=SHRINK)
        yield (
            replace(photos, is_query=photos.is_query & asked),
            of | {"axes": remembered(material, vector_distances(material, axes(rows)))},
        )


def ways() -> Iterator[Way]:
    """Yield what is compared: steps of SBS, weights of fusion, neighbours of both kinds."""
    for name in (*SBS, "sbovp", "gem", "axes"):
        yield name, {name: 1}, None
    for deep, sbs, sbovp in product(("gem", "axes"), (0, 0.1, 0.25, 0.5), (0, 0.25, 0.5)):
        weights = {"sbs": sbs, "sbovp": sbovp, deep: 1}
        yield f"weights {weights}", weights, None
    for name, weights in FUSIONS.items():
        for k1, k2, weight in product((20, 30, 40), (4, 8), (0.1, 0.3, 0.5)):
            rerank = RerankOptions(k1=k1, k2=k2, weight=weight)
            yield f"{name}, k1 {k1}, k2 {k2}, weight {weight}", weights, rerank
        for neighbors, alpha in product((4, 8, 16), (0, 1, 3)):
            expand = ExpandOptions(neighbors=neighbors, alpha=alpha)
            yield f"{name}, {neighbors} neighbours, alpha {alpha}", weights, expand


if __name__ == "__main__":
    main(*sys.argv[1:])
