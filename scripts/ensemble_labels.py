"""Make soft labels of the training photos from their labels and several teachers.

    python -m scripts.ensemble_labels PHOTOS LABELS CSV OUT MENTOR.onnx ADE.tflite [--photos N]

PHOTOS, LABELS (DIR[@TABLE]) and CSV are those of `semsig distill`. MENTOR.onnx is a network of
scores (of scripts.export_lite), which is run on four views of each photo and whose votes are used
as they are. ADE.tflite is a network of ADE20K's 150 classes, whose votes are used as evidence,
measured on the labels of held-out photos. Written to OUT are

* views/STEM.npz, ade150/STEM.npz: the votes for a photo, kept so that a stopped run can resume;
* measured.json: agreement of views, and of views with ade150, with the held-out labels; each half
  is measured with the evidence of the other half;
* soft/STEM.png: the two likeliest classes of each pixel and the share of the first, half as large
  as a photo of 192 pixels; scripts.pack_training takes the folder as SOFT.

Held-out photos are labelled first, the others in random order: --photos N stops after N.
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

from scripts.ensemble import (
    Votes,
    category_factors,
    combine,
    count,
    evidence,
    label_evidence,
    prior_of,
)
from scripts.label_teachers import Teacher, ade_network, resized, views_of
from semsig.cli.console import progress_bar
from semsig.distill.augment import resize_labels
from semsig.distill.holdout import hold_out, read_catalogue, strata_of
from semsig.distill.measure import Agreement, confusion_matrix
from semsig.distill.photos import PhotoStore, find_photos
from semsig.durable import writing
from semsig.segment import load_segmenter

SIDE = 192
HOLDOUT = 0.05

MIXED = ("coco", "coco2", "imagenet", "people", "scene", "voc")
"""Categories that do not tell what a photo shows."""


def main() -> None:
    """Run the teachers, measure them, and combine their votes."""
    given = _arguments()
    paths = find_photos(given.photos)
    store = PhotoStore(paths, load_segmenter(f"files:{given.labels}"), side=SIDE, budget_mb=0)
    categories = np.array(strata_of([p.stem for p in paths], read_catalogue(given.catalogue)))
    train, held = hold_out(categories.tolist(), HOLDOUT)
    order = np.concatenate([held, np.random.default_rng(0).permutation(train)])[: given.count]
    views, ade = views_of(given.mentor, store.classes), ade_network(given.ade, store.classes)
    with progress_bar("Asking") as shown:
        for done, position in enumerate(order.tolist(), 1):
            ask({"views": views, "ade150": ade}, store, position, given.out)
            shown(done, len(order))
    looked = order[: len(held)].tolist()
    write_measured(store, looked, given.out)
    counts = _counts(store, looked, given.out)
    ratios = evidence(counts), label_evidence(prior_of(counts))
    with progress_bar("Combining") as shown:
        for done, position in enumerate(order.tolist(), 1):
            factors = _factors(store, categories, position)
            write_soft(ratios, store, position, factors, given.out)
            shown(done, len(order))


def ask(teachers: Mapping[str, Teacher], store: PhotoStore, position: int, out: Path) -> None:
    """Write each teacher's votes for a photo, if they are not written yet."""
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


def write_measured(store: PhotoStore, held: list[int], out: Path) -> None:
    """Compare views, alone and with ade150, with the labels, and write measured.json."""
    many = len(store.classes)
    total = {name: np.zeros((many, many), np.int64) for name in ("views", "views and ade150")}
    for known, asked in ((held[::2], held[1::2]), (held[1::2], held[::2])):
        ratios = evidence(_counts(store, known, out))
        for position in asked:
            labels, own = _labels(store, position), _votes(out, "views", store, position)
            further = [(_votes(out, "ade150", store, position), ratios)]
            for name, more in zip(total, ([], further), strict=True):
                found = combine(own, more, np.ones(many))[..., 0]
                total[name] += confusion_matrix(labels, found, store.classes)
    agreed = {name: Agreement(confusion) for name, confusion in total.items()}
    told = {n: {"agreement": one.pixels, "mean IoU": one.miou} for n, one in agreed.items()}
    (out / "measured.json").write_text(json.dumps(told, indent=1))


def write_soft(
    ratios: tuple[NDArray[np.float64], NDArray[np.float64]],
    store: PhotoStore,
    position: int,
    factors: NDArray[np.float64],
    out: Path,
) -> None:
    """Combine the votes of the teachers and the labels for a photo.

    `ratios` are the evidence of ade150 and of the labels.
    """
    further = [
        (_votes(out, "ade150", store, position), ratios[0]),
        (Votes.of_labels(_labels(store, position)), ratios[1]),
    ]
    found = combine(_votes(out, "views", store, position), further, factors)
    path = out / "soft" / f"{store.paths[position].stem}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as file:
        Pictures.fromarray(found).save(file, format="PNG")


def _counts(store: PhotoStore, positions: list[int], out: Path) -> NDArray[np.float64]:
    """Count pixels by (what ade150 says, the label)."""
    many = len(store.classes)
    total = np.zeros((many, many))
    for position in positions:
        total += count(_votes(out, "ade150", store, position), _labels(store, position), many)
    return total


def half(size: tuple[int, ...]) -> tuple[int, int]:
    """Return half of a size, rounded up: the size of soft labels and of packed ones."""
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
    parser.add_argument("mentor", type=Path)
    parser.add_argument("ade", type=Path)
    parser.add_argument("--photos", dest="count", type=int, help="how many; all where absent")
    return parser.parse_args()


if __name__ == "__main__":
    main()
