"""Measure a network on held-out training photos; choices are made on these, never on benchmarks.

Usage: python scripts/measure_network.py NETWORK PHOTOS LABELS CSV [SIDE ...]

NETWORK is "embedded", "lite" or an ONNX file with its card beside it. PHOTOS, LABELS
(DIR[@TABLE]) and CSV are those of `semsig distill`. On the photos that it holds out (5 %), the
agreement of pixels with the labels is measured, and how well SBS finds others of the same category;
for the last SIDE also the figures by class and the commonest mistakes.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np

from semsig.distill.card import mistakes, per_class
from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.measure import Agreement
from semsig.distill.photos import PhotoStore, find_photos
from semsig.distill.samples import samples
from semsig.evaluate.measures import average_precision
from semsig.search import HammingIndex
from semsig.segment import load_segmenter
from semsig.segment.card import PACKAGED
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap, Metric, SbsBatch

HOLDOUT = 0.05
LEVELS = (1, 3)
METRICS: tuple[Metric, ...] = ("hamming", "tanimoto-idf")
SETTINGS = tuple(product(LEVELS, METRICS))


def main(network: str, photos: str, labels: str, catalogue: str, *sides: str) -> None:
    """Print Markdown tables: agreement, mIoU and mean average precisions by side; classes."""
    store, asked = held_out_photos(Path(photos), labels, Path(catalogue))
    names = [f"n={levels} {metric}" for levels, metric in SETTINGS]
    print(f"| short side | agreement | mIoU | {' | '.join(names)} |")  # noqa: T201
    print("|---" * (3 + len(names)) + "|")  # noqa: T201
    name = named(network)
    for chosen in [f"{name}@{side}" for side in sides] or [name]:
        segmenter = load_segmenter(chosen)
        total = np.zeros((len(store.classes),) * 2, np.int64)
        maps = []
        for sample in samples(segmenter, store, range(len(store))):
            total += sample.confusion
            maps.append(sample.network)
        held_out = Agreement(total)
        found = [held_out.pixels, held_out.miou]
        found += [own_category(maps, asked, levels, metric) for levels, metric in SETTINGS]
        row = " | ".join(f"{figure:.4f}" for figure in found)
        print(f"| {chosen.rpartition('@')[2]} | {row} |", flush=True)  # noqa: T201
    print("\n".join(["", *per_class(held_out, store.classes), ""]))  # noqa: T201
    print("\n".join(mistakes(held_out, np.array(store.classes.names))))  # noqa: T201


def held_out_photos(photos: Path, labels: str, catalogue: Path) -> tuple[PhotoStore, np.ndarray]:
    """Return the photos that are never trained on, with their labels, and their categories."""
    paths = find_photos(photos)
    categories = strata_of([path.stem for path in paths], read_catalogue(catalogue))
    _, held = hold_out(categories, HOLDOUT)
    store = PhotoStore([paths[position] for position in held], load_segmenter(f"files:{labels}"))
    return store, np.array([categories[position] for position in held])


def named(network: str) -> str:
    """Return the name that loads a network: a packaged one, or an ONNX file."""
    return network if network in PACKAGED else f"onnx:{network}"


def own_category(
    maps: Sequence[LabelMap], labels: np.ndarray, levels: int, metric: Metric
) -> float:
    """Search by SBS with every photo whose category has another photo; return the map."""
    batch = SbsBatch.of([sbs(label_map, levels) for label_map in maps])
    index = HammingIndex(batch.schema)
    index.add(batch, ids=np.arange(len(batch)))
    _, ranked = index.search(batch, len(batch), metric=metric)
    return category_map(ranked, labels, 2)


def category_map(ranked: np.ndarray, labels: np.ndarray, least: int) -> float:
    """Return mean average precision over the photos whose category has at least `least` photos.

    Parameters
    ----------
    ranked : ndarray of int, shape (N, N)
        Every photo's ranking of all, positions.
    labels : ndarray, shape (N,)
        Categories.
    least : int
        Photos of smaller categories are not queries.
    """
    size = Counter(labels.tolist())
    members = np.array([size[label] for label in labels])
    asked = members >= least
    relevant = (labels[ranked] == labels[:, None])[asked]
    return float(average_precision(relevant, members[asked]).mean())


if __name__ == "__main__":
    main(*sys.argv[1:])
