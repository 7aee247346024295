"""Measure whether more classes help search, by relabelling a network's maps with a teacher's.

    python -m scripts.measure_classes PHOTOS LABELS CSV ADE.tflite [NETWORK]

PHOTOS, LABELS (DIR[@TABLE]) and CSV are those of `semsig distill`. The held-out photos are labelled
by NETWORK (lite) and by the teacher of ADE20K's classes. Where the teacher's likeliest class is one
of `FURTHER`, which the network lacks, the pixel becomes that class. Printed is how well photos find
their own category (SBS, idf-Tanimoto, map) with the network's classes, with all further ones, with
each of them alone, and with the teacher's own map.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.label_teachers import ade_outputs
from scripts.measure_network import held_out_photos, named, own_category
from semsig.classes import ClassTable
from semsig.distill.augment import resize_labels
from semsig.segment import load_segmenter
from semsig.types import LabelMap

FURTHER = {
    "house": 26,
    "fence": 33,
    "rock": 35,
    "column": 43,
    "signboard": 44,
    "skyscraper": 49,
    "path": 53,
    "runway": 55,
    "stairs": 54,
    "river": 61,
    "bridge": 62,
    "hill": 69,
    "palm": 73,
    "tower": 85,
    "dirt track": 92,
    "land": 95,
    "lake": 129,
    "streetlight": 88,
    "animal": 127,
    "rug": 29,
    "armchair": 31,
    "desk": 34,
    "lamp": 37,
    "computer": 75,
    "stove": 72,
    "counter": 46,
    "book": 68,
    "grandstand": 52,
    "pole": 94,
    "van": 103,
}
"""Classes that semsig54 lacks, with the teacher's outputs for them."""


def main(photos: str, labels: str, catalogue: str, teacher: str, network: str = "lite") -> None:
    """Print a Markdown table."""
    store, asked = held_out_photos(Path(photos), labels, Path(catalogue))
    look, segmenter = ade_outputs(Path(teacher)), load_segmenter(named(network), threads=1)
    own, theirs = [], []
    for position in range(len(store)):
        photo, _ = store[position]
        own.append(segmenter(photo))
        height, width = own[-1].shape
        theirs.append(resize_labels(look(photo).argmax(0).astype(np.uint8), (width, height)))
    tried = {"none": (), "all": tuple(FURTHER)} | {name: (name,) for name in FURTHER}
    sys.stdout.write(
        "| further classes | pixels | photos | n = 1 | n = 3 |\n|---|---|---|---|---|\n"
    )
    for name, chosen in tried.items():
        maps = [relabelled(one, other, chosen) for one, other in zip(own, theirs, strict=True)]
        _row(name, maps, asked, len(own[0].classes))
    table = ClassTable([f"output {number}" for number in range(151)])
    _row("the teacher's own map", [LabelMap(one, table) for one in theirs], asked, 0)


def relabelled(own: LabelMap, theirs: NDArray[np.uint8], chosen: Iterable[str]) -> LabelMap:
    """Return a map over the network's classes and the further ones that the teacher finds."""
    chosen = tuple(chosen)
    labels = own.labels.copy()
    for place, name in enumerate(chosen):
        labels[theirs == FURTHER[name]] = len(own.classes) + place
    return LabelMap(labels, ClassTable([*own.classes.names, *chosen]))


def _row(name: str, maps: list[LabelMap], asked: NDArray[np.str_], first: int) -> None:
    new = [np.count_nonzero(one.labels >= first) for one in maps]
    pixels = sum(new) / sum(one.labels.size for one in maps)
    found = [own_category(maps, asked, levels, "tanimoto-idf") for levels in (1, 3)]
    shown = " | ".join(f"{figure:.4f}" for figure in found)
    sys.stdout.write(f"| {name} | {pixels:.2%} | {np.count_nonzero(new)} | {shown} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
