"""Measure networks on hand-drawn masks: mean IoU over the things that both have classes for.

    python -m scripts.measure_things PHOTOS LABELS@CLASSES [NETWORK ...]

PHOTOS and LABELS are a folder of photos and one of class-index PNGs over COCO's 80 kinds of things,
such as ../shared/data/coco_things; pixels without a mask are void and do not count. It serves only
for measuring: nothing is chosen by it. Things that a network has no class for are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.distill.augment import resize_labels
from semsig.distill.measure import Agreement, confusion_matrix
from semsig.parallel import ordered_map
from semsig.photo.image_files import image_paths, read_image
from semsig.segment import load_segmenter
from semsig.segment.base import PathSegmenter

KINDS = {
    "aeroplane": ("airplane",),
    "bear": ("bear",),
    "bed": ("bed",),
    "bicycle": ("bicycle",),
    "bird": ("bird",),
    "boat": ("boat",),
    "bottle": ("bottle",),
    "bus": ("bus",),
    "car": ("car", "truck"),
    "cat": ("cat",),
    "chair": ("chair",),
    "dog": ("dog",),
    "elephant": ("elephant",),
    "food": (
        *("apple", "banana", "broccoli", "cake", "carrot", "donut", "hot dog"),
        *("orange", "pizza", "sandwich"),
    ),
    "hoofed": ("cow", "giraffe", "sheep", "zebra"),
    "horse": ("horse",),
    "motorbike": ("motorcycle",),
    "person": ("person",),
    "plant": ("potted plant",),
    "sofa": ("couch",),
    "table": ("dining table",),
    "train": ("train",),
    "tvmonitor": ("tv", "laptop"),
}
"""COCO's names, by the classes of semsig's networks."""


def main(photos: str, labels: str, *networks: str) -> None:
    """Print one row per class and one column per network, and the means."""
    paths = image_paths(Path(photos))
    drawn = load_segmenter(f"files:{labels}")
    names = networks or ("lite", "embedded")
    found = {name: measure(paths, drawn, name) for name in names}
    _row("class", names)
    _row("---", ["---"] * len(names))
    for one in found[names[0]]:
        _row(one, [f"{found[name].get(one, float('nan')):.3f}" for name in names])
    _row("mean IoU", [f"{np.mean(list(found[name].values())):.4f}" for name in names])


def measure(paths: list[Path], drawn: object, name: str) -> dict[str, float]:
    """Return the IoU of each class that has masks and that the network knows."""
    assert isinstance(drawn, PathSegmenter)
    network = load_segmenter(name, threads=1, device="cpu")
    table = network.classes

    def look(path: Path) -> NDArray[np.int64]:
        truth = drawn.for_path(path)
        predicted = network(read_image(path, at_least=getattr(network, "short_side", None)))
        height, width = truth.shape
        wide = resize_labels(predicted.labels, (width, height))
        return confusion_matrix(translated(truth.labels, truth.classes, table), wide, table)

    total = np.sum(list(ordered_map(look, paths, 2)), axis=0)
    agreement = Agreement(total)
    return {
        one: float(agreement.iou[table.names.index(one)])
        for one in KINDS
        if one in table.names and agreement.present[table.names.index(one)]
    }


def translated(labels: NDArray[np.integer], drawn: ClassTable, table: ClassTable) -> NDArray:
    """Return labels over COCO's things as labels over a network's classes; others are void."""
    numbers = np.full(max(drawn.void, len(drawn)) + 1, table.void, np.int64)
    for one, kinds in KINDS.items():
        for kind in kinds:
            if one in table.names and kind in drawn.names:
                numbers[drawn.names.index(kind)] = table.names.index(one)
    return numbers[labels]


def _row(first: str, cells: object) -> None:
    sys.stdout.write("| " + " | ".join([first, *cells]) + " |\n")  # type: ignore[misc]


if __name__ == "__main__":
    main(*sys.argv[1:])
