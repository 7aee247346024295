"""Table 3: SBS by number of blocks, for each source of label maps."""

from __future__ import annotations

from typing import Any

from benchmarks.paper.distances import sbs_distances, scores
from benchmarks.paper.facts import TITLES, number, paper
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Heading, Part, Table, Text
from semsig.evaluate.rankings import RankingOptions

LEVELS = range(4)


def run(materials: list[Material]) -> dict[str, Any]:
    """Measure the paper's own distance, Hamming, at each level."""
    return {
        material.name: {
            segmenter: [
                scores(material, sbs_distances(material, RankingOptions(levels=n), segmenter))
                for n in LEVELS
            ]
            for segmenter in material.segmenters
        }
        for material in materials
    }


def show(found: dict[str, Any]) -> list[Part]:
    """Put map_paper beside the paper's."""
    rows = []
    for name, by_segmenter in found.items():
        for table, title in (("mseg", "MSeg"), ("coco_stuff", "COCO-Stuff")):
            theirs = [number(value, 2) for value in paper()["table3"][table][name]]
            rows.append([TITLES[name], f"paper: HRNet-W48, {title}", *theirs])
        for segmenter, levels in by_segmenter.items():
            rows.append([TITLES[name], segmenter, *(number(s["map_paper"]) for s in levels)])
    header = ["dataset", "label maps", *(f"4^{n} blocks" for n in LEVELS)]
    return [
        Heading("Table 3. SBS by number of blocks (map_paper, Hamming distance)"),
        Table(header, rows),
        Text(
            "Where label maps are the ground truth, nothing is lost in segmentation: what the "
            "signature itself can reach."
        ),
    ]
