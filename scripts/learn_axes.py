"""Learn the axes of benchmarks/paper/axes.npz from training photos: after every new network.

Usage: python -m scripts.learn_axes PHOTOS CSV CACHE

PHOTOS and CSV are those of `semsig distill`. Photos that it holds out are left out, and so are
those that `scripts.choose_ranking` searches, so that what is chosen there was not learned there;
CACHE may be the same folder. The regularisation was chosen by `scripts.leave_source_out`: see
docs/measures.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.paper.axes import SHIPPED, Axes, joined
from benchmarks.paper.cache import Cache
from benchmarks.paper.material import Material
from scripts.choose_ranking import catalogued
from semsig.datasets import load_dataset
from semsig.segment import load_segmenter

SHRINK = 3


def main(folder: str, catalogue: str, cache: str) -> None:
    """Learn and write."""
    _, photos = catalogued(Path(folder), Path(catalogue))
    network = load_segmenter("embedded", threads=1)
    material = Material(load_dataset("msrc_v2"), photos, {"embedded": network}, Cache(Path(cache)))
    axes = Axes.learn(
        joined(material.features()), photos.labels, network.fingerprint, shrink=SHRINK
    )
    axes.write()
    print(f"{len(photos.paths)} photos, {len(photos.classes)} categories: wrote {SHIPPED}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
