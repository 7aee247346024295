"""Train the vocabularies shipped in semsig/signatures/sbovp/vocabularies.

Usage: python scripts/train_vocabularies.py PHOTOS CSV CACHE

PHOTOS and CSV are those of `semsig distill`: what it holds out (5 %) is left out here too, so that
scripts/choose_sbovp.py can choose on it. CACHE keeps keypoints between runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import numpy as np

from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import find_photos
from semsig.photo.image_files import read_image
from semsig.signatures import (
    KeypointCache,
    KeypointDetector,
    detect_all,
    load_detector,
    train_vocabulary,
)
from semsig.types import Keypoints
from semsig.types.sbovp_schema import Detector

HOLDOUT = 0.05
PHOTOS = 1000
SIZES = (5, 10, 25, 50, 100, 200, 500)
TARGET = Path(__file__).resolve().parent.parent / "semsig" / "signature" / "vocabularies"


def main(photos: str, catalogue: str, cache: str) -> None:
    """Write one file per detector and size."""
    paths = sample(Path(photos), Path(catalogue))
    TARGET.mkdir(exist_ok=True)
    for name in get_args(Detector):
        detector = load_detector(name)
        found = keypoints(paths, detector, cache)
        for words in SIZES:
            vocabulary = train_vocabulary(
                found, detector, words=words, training=f"{PHOTOS} general photos, seed 0"
            )
            vocabulary.save(TARGET / f"{name}-{words}.npz")
            print(name, words, vocabulary.fingerprint[:8], flush=True)  # noqa: T201


def sample(folder: Path, catalogue: Path) -> list[Path]:
    """Return photos to learn from, none of them held out."""
    paths = find_photos(folder)
    categories = strata_of([path.stem for path in paths], read_catalogue(catalogue))
    train, _ = hold_out(categories, HOLDOUT)
    drawn = np.random.default_rng(0).permutation(train)[:PHOTOS]
    return [paths[position] for position in np.sort(drawn)]


def keypoints(paths: list[Path], detector: KeypointDetector, cache: str) -> list[Keypoints]:
    """Return the keypoints of each photo."""
    images = (read_image(path) for path in paths)
    return list(detect_all(images, detector, cache=KeypointCache(cache)))


if __name__ == "__main__":
    main(*sys.argv[1:])
