"""Fit the projections that semsig ships, on training photos: after every new network.

    python -m scripts.fit_projections PHOTOS CSV [--network NAME] [--every N]

PHOTOS holds the photos, CSV their `file` and `category`; photos of one category match. The kind of
projection and its settings are those that `scripts.choose_pooled` found best.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.training_photos import TrainingPhotos
from semsig.segment import load_segmenter
from semsig.signatures import fit_projection
from semsig.signatures.pooled import projection

SHIPPED = Path(projection.__file__).parent / "projections"


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--network", default="lite")
    parser.add_argument("--every", type=int, default=1, help="take every so-manieth photo")
    options = parser.parse_args()
    every = TrainingPhotos.read(options.photos, options.csv)
    some = slice(None, None, options.every)
    photos = TrainingPhotos(every.paths[some], every.labels[some])
    network = load_segmenter(options.network, threads=1)
    fitted = fit_projection(
        photos.images(getattr(network, "short_side", 1)),
        network,
        groups=photos.labels.tolist(),
        training="training photos and their categories",
    )
    SHIPPED.mkdir(exist_ok=True)
    target = SHIPPED / f"{options.network}.npz"
    fitted.save(target)
    sys.stdout.write(f"{target}: {fitted.training}, {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
