"""Make soft labels of the training photos from their labels and several teachers.

    python -m scripts.ensemble_labels PHOTOS LABELS CSV OUT --teacher NAME=FILE ... [--photos N]

PHOTOS, LABELS (DIR[@TABLE]) and CSV are those of `semsig distill`. A teacher is a TensorFlow Lite
file of ADE20K's 150 classes, or an ONNX network of scores (mentor.onnx of scripts.export_lite),
which sees each photo in four views. OUT gets

* NAME/STEM.npz: what a teacher thinks of a photo; kept, so that a stopped run goes on;
* trust.json: each teacher's say in each class, its precision on the photos held out, 5 %;
* soft/STEM.png: the two likeliest classes of each pixel and the share of the first, half as large
  as a photo of 192 pixels: what scripts.pack_training takes by --soft.

The photos held out are labelled first, the others in a drawn order: --photos N stops after N.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from scripts.ensemble import Votes, category_factors, combine, count, precision
from scripts.label_teachers import Teacher, load_teachers, resized
from semsig.cli.console import progress_bar
from semsig.distill.augment import resize_labels
from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.photos import PhotoStore, find_photos
from semsig.durable import writing
from semsig.segment import load_segmenter

SIDE = 192
HOLDOUT = 0.05

LABELS_TRUST = 0.7
"""Say of the given labels: 66 to 72 % of their pixels agree with labels that people drew."""

MIXED = ("coco", "coco2", "imagenet", "people", "scene", "voc")
"""Categories that say nothing of what a photo shows."""


def main() -> None:
    """Ask the teachers, weigh them, combine."""
    given = _arguments()
    paths = find_photos(given.photos)
    store = PhotoStore(paths, load_segmenter(f"files:{given.labels}"), side=SIDE, budget_mb=0)
    categories = np.array(strata_of([p.stem for p in paths], read_catalogue(given.catalogue)))
    train, held = hold_out(categories.tolist(), HOLDOUT)
    order = np.concatenate([held, np.random.default_rng(0).permutation(train)])[: given.count]
    teachers = load_teachers(given.teacher, store.classes)
    with progress_bar("Asking") as shown:
        for done, position in enumerate(order.tolist(), 1):
            ask(teachers, store, position, given.out)
            shown(done, len(order))
    trust = weigh(list(teachers), store, [int(p) for p in held if p in order], given.out)
    with progress_bar("Combining") as shown:
        for done, position in enumerate(order.tolist(), 1):
            factors = _factors(store, categories, position)
            write_soft(trust, store, position, factors, given.out)
            shown(done, len(order))


def ask(teachers: Mapping[str, Teacher], store: PhotoStore, position: int, out: Path) -> None:
    """Write what each teacher thinks of a photo, where that is not known yet."""
    stem = store.paths[position].stem
    for name, teacher in teachers.items():
        path = out / name / f"{stem}.npz"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        image, _ = store[position]
        likely = teacher(image)
        votes = Votes.of_probabilities(resized(likely, half(image.shape[:2])))
        with writing(path) as file:
            np.savez_compressed(file, classes=votes.classes, shares=votes.shares)


def weigh(
    names: list[str], store: PhotoStore, held: list[int], out: Path
) -> dict[str, NDArray[np.float64]]:
    """Measure each teacher's precision by class, and write trust.json."""
    many = len(store.classes)
    trust = {}
    for name in names:
        counts = np.zeros((many, many))
        for position in held:
            labels = _labels(store, position)
            counts += count(_votes(out, name, store, position), labels, many)
        trust[name] = precision(counts)
    told = {n: dict(zip(store.classes.names, t.round(4), strict=True)) for n, t in trust.items()}
    (out / "trust.json").write_text(json.dumps(told, indent=1))
    return trust


def write_soft(
    trust: Mapping[str, NDArray[np.float64]],
    store: PhotoStore,
    position: int,
    factors: NDArray[np.float64],
    out: Path,
) -> None:
    """Combine the teachers' votes and the photo's labels."""
    votes = [_votes(out, name, store, position) for name in trust]
    votes.append(Votes.of_labels(_labels(store, position)))
    say = [*trust.values(), np.full(len(store.classes), LABELS_TRUST)]
    path = out / "soft" / f"{store.paths[position].stem}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        Pictures.fromarray(combine(votes, say, factors)).save(file, format="PNG")


def half(size: tuple[int, ...]) -> tuple[int, int]:
    """Return half of a size, rounded up: that of soft labels and of packed ones."""
    height, width = size
    return (height + 1) // 2, (width + 1) // 2


def _labels(store: PhotoStore, position: int) -> NDArray[Any]:
    _, labels = store[position]
    height, width = half(labels.shape)
    return np.asarray(resize_labels(labels, (width, height)))


def _votes(out: Path, name: str, store: PhotoStore, position: int) -> Votes:
    with np.load(out / name / f"{store.paths[position].stem}.npz", allow_pickle=False) as found:
        return Votes(found["classes"], found["shares"])


def _factors(store: PhotoStore, categories: NDArray[Any], position: int) -> NDArray[np.float64]:
    own = categories[position]
    if own in MIXED:
        return np.ones(len(store.classes))
    return category_factors(store.shown, categories == own)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("labels")
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--teacher", nargs="+", required=True, help="NAME=FILE")
    parser.add_argument("--photos", dest="count", type=int, help="how many; all where absent")
    return parser.parse_args()


if __name__ == "__main__":
    main()
