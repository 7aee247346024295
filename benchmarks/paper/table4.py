"""Table 4: milliseconds to build one signature, by number of blocks."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.paper.facts import TITLES, number, paper
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Heading, Part, Table, Text
from semsig.signatures.sbs.encoding import sbs

LEVELS = range(4)
PHOTOS = 300
REPEATS = 5


def run(materials: list[Material]) -> dict[str, Any]:
    """Time label map to signature by CPU time, one thread; the least of some repeats."""
    return {material.name: [_milliseconds(material, n) for n in LEVELS] for material in materials}


def _milliseconds(material: Material, levels: int) -> float:
    maps = material.label_maps()[:PHOTOS]
    sbs(maps[0], levels)
    spent = []
    for _ in range(REPEATS):
        clock = time.process_time()
        for label_map in maps:
            sbs(label_map, levels)
        spent.append(time.process_time() - clock)
    return min(spent) / len(maps) * 1e3


def show(found: dict[str, Any]) -> list[Part]:
    """Put ours beside the paper's."""
    rows = []
    for name, ours in found.items():
        theirs = paper()["table4"][name]
        cells = [number(value, 1) for value in theirs] + ["–"] * (4 - len(theirs))
        rows.append([TITLES[name], "paper", *cells])
        rows.append([TITLES[name], "here", *(f"{value:.4f}" for value in ours)])
    header = ["dataset", "", *(f"4^{n} blocks" for n in LEVELS)]
    return [
        Heading("Table 4. Construction of an SBS, ms a photo, one thread"),
        Table(header, rows),
        Text(
            "Label maps of the embedded network at a quarter of its input size; "
            "`python -m benchmarks.construction` times 256 x 384 maps."
        ),
    ]
