"""Measure input sizes on held-out training photos: benchmarks are never chosen on.

Usage: python scripts/choose_side.py NETWORK PHOTOS CSV SIDE [SIDE ...]

NETWORK is an ONNX file with its card beside it. PHOTOS and CSV are those of `semsig distill`; the
photos that it holds out (5 %) are searched for others of their own category by SBS.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import find_photos
from semsig.index import HammingIndex
from semsig.measures import average_precision, precision_at
from semsig.segment import load_segmenter, segment_path
from semsig.signature import sbs
from semsig.types import LabelMap, Metric, SbsBatch

HOLDOUT = 0.05
LEVELS = (1, 3)
METRICS: tuple[Metric, ...] = ("hamming", "tanimoto-idf")


def main(network: str, photos: str, catalogue: str, *sides: str) -> None:
    """Print a Markdown table: mean average precision and precision at R, a row a setting."""
    paths = find_photos(Path(photos))
    categories = strata_of([path.stem for path in paths], read_catalogue(Path(catalogue)))
    _, held = hold_out(categories, HOLDOUT)
    labels = np.array([categories[position] for position in held])
    print("| short side | n | distance | map | p@r |\n|---|---|---|---|---|")  # noqa: T201
    for side in sides:
        segmenter = load_segmenter(f"onnx:{network}@{side}")
        maps = [segment_path(segmenter, paths[position]) for position in held]
        for levels in LEVELS:
            for metric in METRICS:
                precision, at_r = _measure(maps, labels, levels, metric)
                row = f"| {side} | {levels} | {metric} | {precision:.3f} | {at_r:.3f} |"
                print(row, flush=True)  # noqa: T201


def _measure(
    maps: Sequence[LabelMap], labels: np.ndarray, levels: int, metric: Metric
) -> tuple[float, float]:
    """Ask with every photo whose category has another."""
    batch = SbsBatch.of([sbs(label_map, levels) for label_map in maps])
    index = HammingIndex(batch.schema)
    index.add(batch, ids=np.arange(len(batch)))
    _, ranked = index.search(batch, len(batch), metric=metric)
    size = Counter(labels.tolist())
    members = np.array([size[label] for label in labels])
    asked = members > 1
    relevant = (labels[ranked] == labels[:, None])[asked]
    precision = average_precision(relevant, members[asked])
    return float(precision.mean()), float(precision_at(relevant, members[asked]).mean())


if __name__ == "__main__":
    main(*sys.argv[1:])
