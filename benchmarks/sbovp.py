"""Retrieval with SBOVP by option: detector, words, length, size of vocabulary, norm, space.

    python -m benchmarks.sbovp --data ROOT [--datasets NAME ...] [--maps embedded|lite|teachers ...]

Starting from semsig's defaults, one option is changed at a time. The method exactly as in the
paper (visual words, counts not normalised) is also run over all sizes and lengths. Results that
are already in ``results/sbovp.json`` are not measured again, unless from another network.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.paper.__main__ import cache_folder
from benchmarks.paper.cache import Cache
from benchmarks.paper.distances import sbovp_vectors, vector_distances
from benchmarks.paper.material import Material, find_material
from benchmarks.timing import machine
from semsig.evaluate import measure
from semsig.signatures import SbovpOptions, default_vocabulary
from semsig.signatures.sbovp.encoding import sbovp_batch
from semsig.signatures.sbovp.vocabulary import N_WORDS
from semsig.types import SbovpBatch

DATASETS = ("wang", "msrc_v2")
MAPS = {"embedded": "embedded", "lite": "lite", "teachers": "two public teachers"}
DETECTORS = ("kaze", "surf")
SIZES = (5, 25, 50, 100, 200, 500)
DEFAULT = SbovpOptions()
LITERAL = SbovpOptions(words="visual", norm="none")
RESULT = Path("results") / "sbovp.json"


def settings() -> Iterator[tuple[int, SbovpOptions]]:
    """Yield the numbers of words and options to measure, the default first."""
    yield N_WORDS, DEFAULT
    for size in SIZES:
        yield from ((size, DEFAULT), (size, LITERAL))
    for length in (3, 4):
        yield from (
            (N_WORDS, replace(DEFAULT, length=length)),
            (50, replace(LITERAL, length=length)),
        )
    for changed in (
        {"norm": "l2"},
        {"norm": "none"},
        {"space": "picture"},
        {"regions": "components"},
        {"words": "visual"},
    ):
        yield N_WORDS, replace(DEFAULT, **changed)  # type: ignore[arg-type]
    yield 50, replace(DEFAULT, norm="none")
    yield 50, replace(LITERAL, norm="sqrt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder a dataset lies below it")
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--maps", nargs="+", choices=MAPS, default=list(MAPS))
    parser.add_argument("--cache", type=Path, default=cache_folder())
    args = parser.parse_args()
    materials, _ = find_material(args.data, Cache(args.cache))
    rows = json.loads(RESULT.read_text())["rows"] if RESULT.exists() else []
    for material in materials:
        for maps in (MAPS[name] for name in args.maps):
            if material.name in args.datasets and maps in material.segmenters:
                _measure(material, maps, rows)


def _measure(material: Material, maps: str, rows: list[dict[str, Any]]) -> None:
    fingerprint = material.segmenters[maps].fingerprint
    label_maps = material.label_maps(maps)
    for detector in DETECTORS:
        keypoints = material.keypoints(detector)
        for size, options in dict.fromkeys(settings()):
            key = {
                "dataset": material.name,
                "maps": maps,
                "fingerprint": fingerprint,
                "detector": detector,
                "n_words": size,
                **asdict(options),
            }
            if any(key.items() <= row.items() for row in rows):
                continue
            rows[:] = [row for row in rows if not _same_but_network(row, key)]
            vocabulary = default_vocabulary(detector, size)  # type: ignore[arg-type]
            batch = sbovp_batch(keypoints, label_maps, vocabulary, options)
            rows.append(key | _scores(material, batch))
            print(rows[-1], flush=True)
            RESULT.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


def _same_but_network(row: dict[str, Any], key: dict[str, Any]) -> bool:
    return all(row[name] == value for name, value in key.items() if name != "fingerprint")


def _scores(material: Material, batch: SbovpBatch) -> dict[str, float]:
    distances = vector_distances(material, sbovp_vectors(batch))
    found = measure(material.dataset, material.photos, distances).measures
    return {name: round(value, 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
