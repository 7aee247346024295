"""Choose how a feature map is pooled, on training photos: each photo searches its own category.

    python -m scripts.choose_pooled PHOTOS CSV [NETWORK]

PHOTOS holds the photos, CSV their `file` and `category`; 40 photos a category at most are drawn.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from semsig.parallel import ordered_map
from semsig.photo.image_files import read_image
from semsig.search import PooledIndex
from semsig.segment import load_segmenter
from semsig.segment.onnx import OnnxSegmenter
from semsig.signatures import PooledOptions
from semsig.signatures.pooled.encoding import pooled
from semsig.types.pooled import Pool

A_CATEGORY = 40
MIXED = "voc"
"""Photos of all kinds of things: no category."""


def draw(table: Path) -> list[tuple[str, str]]:
    """Return files and categories, drawn with a fixed seed."""
    files: dict[str, list[str]] = defaultdict(list)
    with table.open(newline="") as rows:
        for row in csv.DictReader(rows):
            files[row["category"]].append(row["file"])
    random = np.random.default_rng(0)
    drawn = {name: random.permutation(found)[:A_CATEGORY] for name, found in files.items()}
    return [
        (str(file), name)
        for name, some in drawn.items()
        if name != MIXED and len(some) > 1
        for file in some
    ]


def measure(
    features: NDArray[np.float32], labels: NDArray[np.int64], network: str, options: PooledOptions
) -> tuple[float, float]:
    """Return mean average precision and precision at 20, the query left out."""
    index = PooledIndex(options.schema(network, features.shape[2]))
    rows = [pooled(one, index.schema) for one in features]
    index.add(rows)
    precisions, firsts = [], []
    for number, row in enumerate(rows):
        order = index.search(row, len(rows))[1][0]
        right = labels[order[order != number]] == labels[number]
        places = np.flatnonzero(right)
        precisions.append(((np.arange(len(places)) + 1) / (places + 1)).mean())
        firsts.append(right[:20].mean())
    return float(np.mean(precisions)), float(np.mean(firsts))


def main(photos: str, table: str, name: str = "lite") -> None:
    """Print a table of poolings and powers."""
    network = load_segmenter(name, threads=1)
    assert isinstance(network, OnnxSegmenter)
    drawn = draw(Path(table))

    def look(file: str) -> NDArray[np.float32]:
        image = read_image(Path(photos, file), at_least=network.short_side)
        return network.features([image])[0]

    features = np.stack(list(ordered_map(look, [file for file, _ in drawn], 2)))
    labels = np.unique([category for _, category in drawn], return_inverse=True)[1]
    sys.stdout.write(f"{name}: {len(drawn):,} photos\n\n| pool | power | map | p@20 |\n")
    sys.stdout.write("| --- | --- | --- | --- |\n")
    for pool in get_args(Pool):
        for power in (1.0, 0.5):
            options = PooledOptions(pool=pool, power=power)
            found = measure(features, labels, network.fingerprint, options)
            sys.stdout.write(f"| {pool} | {power:g} | {found[0]:.3f} | {found[1]:.3f} |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
