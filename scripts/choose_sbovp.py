"""Measure SBOVP options on held-out training photos; nothing is ever chosen on benchmarks.

Usage: python scripts/choose_sbovp.py PHOTOS CSV CACHE [SEGMENTER]

PHOTOS and CSV are those of `semsig distill`. The photos that it holds out (5 %), which the shipped
vocabularies were not trained on either, search for others of their own category. Categories that
name a collection rather than its content are left out as queries, and so are those with fewer
than three photos. CACHE keeps keypoints between runs.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from train_vocabularies import HOLDOUT, keypoints

from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import find_photos
from semsig.evaluate.measures import average_precision, precision_at
from semsig.search import L2Index
from semsig.segment import load_segmenter, segment_path
from semsig.signatures import SbovpOptions, default_vocabulary, load_detector
from semsig.signatures.sbovp.encoding import sbovp_batch
from semsig.types import Keypoints, LabelMap
from semsig.types.sbovp_schema import Detector

COLLECTIONS = ("camvid", "coco", "coco2", "imagenet", "scene", "voc")
SIZES = (5, 10, 25, 50, 100, 200, 500)
CHANGES: tuple[dict[str, str | int], ...] = (
    {"length": 3},
    {"length": 4},
    {"space": "picture"},
    {"regions": "components"},
    {"norm": "l2"},
    {"norm": "none"},
    {"words": "visual"},
    {"words": "visual", "norm": "none"},
)


def main(photos: str, catalogue: str, cache: str, segmenter: str = "embedded") -> None:
    """Print a Markdown table: mean average precision and precision at R, one row per setting."""
    paths = find_photos(Path(photos))
    categories = strata_of([path.stem for path in paths], read_catalogue(Path(catalogue)))
    _, held = hold_out(categories, HOLDOUT)
    paths = [paths[position] for position in held]
    labels = np.array([categories[position] for position in held])
    network = load_segmenter(segmenter)
    maps = [segment_path(network, path) for path in paths]
    print("| detector | L | changed | map | p@r |\n|---|---|---|---|---|")  # noqa: T201
    for detector in ("kaze", "surf"):
        found = keypoints(paths, load_detector(detector), cache)
        for words, change in settings(detector):
            options = replace(SbovpOptions(), **change)
            precision, at_r = measure(found, maps, labels, detector, words, options)
            changed = ", ".join(map(str, change.values()))
            row = f"| {detector} | {words} | {changed} | {precision:.3f} | {at_r:.3f} |"
            print(row, flush=True)  # noqa: T201


def settings(detector: Detector) -> Iterator[tuple[int, dict[str, str | int]]]:
    """Yield each number of words with the default options, then one change at a time."""
    yield from ((words, {}) for words in SIZES)
    for words in (len(default_vocabulary(detector)), 25):
        yield from ((words, change) for change in CHANGES)


def measure(
    found: Sequence[Keypoints],
    maps: Sequence[LabelMap],
    labels: np.ndarray,
    detector: Detector,
    words: int,
    options: SbovpOptions,
) -> tuple[float, float]:
    """Search with every photo of a query category."""
    batch = sbovp_batch(found, maps, default_vocabulary(detector, words), options)
    index = L2Index(batch.schema)
    index.add(batch)
    _, ranked = index.search(batch, len(batch))
    size = Counter(labels.tolist())
    members = np.array([size[label] for label in labels])
    asked = (members > 2) & ~np.isin(labels, COLLECTIONS)
    relevant = (labels[ranked] == labels[:, None])[asked]
    precision = average_precision(relevant, members[asked])
    return float(precision.mean()), float(precision_at(relevant, members[asked]).mean())


if __name__ == "__main__":
    main(*sys.argv[1:])
