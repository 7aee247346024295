"""Measure retrieval by SBS with a network, as Markdown for its model card.

Usage: python scripts/measure_network.py NETWORK --side 192 --side 256
           [--benchmark NAME=FOLDER ...] [--photos FOLDER --categories CSV [--holdout 0.05]]

NETWORK is an ONNX file with its card beside it, or "embedded". With --photos, the held-out
photos of `semsig distill` (same categories file, same share) are searched for their own category:
what an input size may be chosen on, since benchmarks may not.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from semsig.classes import ClassTable
from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import find_photos
from semsig.evaluate import evaluate
from semsig.index import HammingIndex
from semsig.measures import average_precision, precision_at
from semsig.segment import load_segmenter, segment_path
from semsig.signature import sbs
from semsig.types import LabelMap, SbsBatch

LEVELS = (1, 3)
METRICS = ("hamming", "tanimoto-idf")
MEASURES = ("map", "p@20", "map_paper")


class Remembering:
    """A segmenter that segments each photo once."""

    def __init__(self, name: str) -> None:
        self._segmenter = load_segmenter(name)
        self.for_path = cache(self._for_path)

    @property
    def classes(self) -> ClassTable:
        """The table of every label map it returns."""
        return self._segmenter.classes

    @property
    def name(self) -> str:
        """Name of the segmenter behind it."""
        return self._segmenter.name

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the segmenter behind it."""
        return self._segmenter.fingerprint

    def __call__(self, image: np.ndarray) -> LabelMap:
        """Segment one photo."""
        return self._segmenter(image)

    def batch(self, images: Sequence[np.ndarray]) -> list[LabelMap]:
        """Segment many photos."""
        return self._segmenter.batch(images)

    def _for_path(self, path: str | os.PathLike[str]) -> LabelMap:
        return segment_path(self._segmenter, path)


def main() -> None:
    """Print one table row a benchmark, side, level and metric."""
    arguments = _parse()
    print("| photos | short side | n | distance | map | p@20 | map_paper |")  # noqa: T201
    print("|---|---|---|---|---|---|---|")  # noqa: T201
    for side in arguments.side:
        segmenter = Remembering(f"{_prefixed(arguments.network)}@{side}")
        if arguments.photos:
            _held_out(segmenter, side, arguments)
        for benchmark in arguments.benchmark:
            name, _, folder = benchmark.partition("=")
            for levels in LEVELS:
                for metric in METRICS:
                    found = evaluate(
                        name, folder, segmenter=segmenter, levels=levels, metric=metric
                    ).measures
                    _row(name, side, levels, metric, [found[m] for m in MEASURES])


def _held_out(segmenter: Remembering, side: int, arguments: argparse.Namespace) -> None:
    paths = find_photos(arguments.photos)
    categories = strata_of([p.stem for p in paths], read_catalogue(arguments.categories))
    _, held = hold_out(categories, arguments.holdout)
    labels = np.array([categories[i] for i in held])
    size = Counter(labels.tolist())
    asked = np.flatnonzero([size[label] > 1 for label in labels])
    for levels in LEVELS:
        batch = SbsBatch.of([sbs(segmenter.for_path(paths[i]), levels) for i in held])
        index = HammingIndex(batch.schema)
        index.add(batch, ids=np.arange(len(held)))
        for metric in METRICS:
            _, ranked = index.search(batch, len(held), metric=metric)
            relevant = (labels[ranked] == labels[:, None])[asked]
            n_relevant = np.array([size[label] for label in labels[asked]])
            means = [average_precision(relevant, n_relevant), precision_at(relevant, n_relevant)]
            figures = [float(mean.mean()) for mean in means]
            title = f"held out, own category ({len(asked)} asked; p@r for p@20)"
            _row(title, side, levels, metric, [*figures, float("nan")])


def _row(photos: str, side: int, levels: int, metric: str, figures: list[float]) -> None:
    cells = [photos, str(side), str(levels), metric, *(f"{figure:.3f}" for figure in figures)]
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201


def _prefixed(network: str) -> str:
    return network if network == "embedded" else f"onnx:{network}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("network")
    parser.add_argument("--side", type=int, action="append", required=True)
    parser.add_argument("--benchmark", action="append", default=[])
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--categories", type=Path)
    parser.add_argument("--holdout", type=float, default=0.05)
    return parser.parse_args()


if __name__ == "__main__":
    main()
