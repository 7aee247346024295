"""Table 5 and Figure 14: semantic bags of visual phrases, by detector and phrase length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.paper.distances import sbovp_vectors, scores, vector_distances
from benchmarks.paper.facts import TITLES, number, paper
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Figure, Heading, Part, Table, Text
from benchmarks.paper.plots import lines, save
from semsig.errors import OptionError
from semsig.signatures.sbovp.encoding import SbovpOptions
from semsig.signatures.sbovp.keypoints import load_detector

DETECTORS = ("surf", "kaze")
LENGTHS = (2, 3, 4)
LITERAL = SbovpOptions(words="visual", norm="none")


def run(materials: list[Material]) -> dict[str, Any]:
    """Measure the defaults and the paper's text to the letter, by detector and length."""
    return {material.name: list(_rows(material)) for material in materials}


def _rows(material: Material) -> Iterator[dict[str, Any]]:
    for detector in DETECTORS:
        try:
            load_detector(detector)
        except OptionError as error:
            yield {"detector": detector, "missing": str(error)}
            continue
        for segmenter in material.segmenters:
            for options in _variants():
                batch = material.phrases(detector, segmenter, options)
                distances = vector_distances(material, sbovp_vectors(batch))
                yield {
                    "detector": detector,
                    "segmenter": segmenter,
                    "words": options.words,
                    "length": options.length,
                    **scores(material, distances),
                }


def _variants() -> list[SbovpOptions]:
    return [LITERAL, *(SbovpOptions(length=length) for length in LENGTHS)]


def show(found: dict[str, Any], figures: Path) -> list[Part]:
    """Put map_paper beside the paper's; draw it by phrase length."""
    rows = [row for name in found for row in _table_rows(name, found[name])]
    header = ["dataset", "label maps", "words", "SURF", "KAZE"]
    parts: list[Part] = [
        Heading("Table 5. SBOVP (map_paper)"),
        Table(header, rows),
        Text(
            "“visual” words are the paper's text to the letter: one L x L histogram, blind to "
            "class, compared as it is. “semantic” words tell (class, word) apart; square roots, "
            "then L2."
        ),
    ]
    for name, entries in found.items():
        series = _by_length(entries)
        if series:
            plot = lines(LENGTHS, series, "words a phrase|map_paper")
            file = save(plot, figures, f"figure14-{name}")
            parts.append(Figure(file, f"Figure 14. Phrase length on {TITLES[name]}"))
    return parts


def _table_rows(name: str, entries: list[dict[str, Any]]) -> Iterator[list[str]]:
    theirs = paper()["table5"][name]
    for title, (surf, kaze) in (("MSeg", theirs[:2]), ("COCO-Stuff", theirs[2:])):
        yield [TITLES[name], f"paper: HRNet-W48, {title}", "?", number(surf, 2), number(kaze, 2)]
    measured = {
        (e["segmenter"], e["words"], e["detector"]): e["map_paper"]
        for e in entries
        if e.get("length") == 2
    }
    for segmenter, words in dict.fromkeys(key[:2] for key in measured):
        values = (measured.get((segmenter, words, detector)) for detector in DETECTORS)
        yield [TITLES[name], segmenter, words, *map(number, values)]


def _by_length(entries: list[dict[str, Any]]) -> dict[str, list[float]]:
    semantic = [e for e in entries if e.get("words") == "semantic"]
    series: dict[str, list[float]] = {}
    for entry in sorted(semantic, key=lambda e: e["length"]):
        key = f"{entry['detector'].upper()}, {entry['segmenter']}"
        series.setdefault(key, []).append(entry["map_paper"])
    return series
