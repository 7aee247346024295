"""Retrieval accuracy of every signature on benchmarks, by segmenter, level and metric.

python -m benchmarks.retrieval --root DATA [--segmenter lite embedded] [--json]

DATA holds one folder per benchmark (``wang``, ``msrc_v2``, ...). Label maps in a folder
``<name>_labelmaps`` are measured as one more segmenter. Each photo is segmented once per
segmenter, and all signatures are made from that result.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress as Bar

from semsig import load_segmenter
from semsig.datasets import Photos, load_dataset
from semsig.evaluate import measure
from semsig.evaluate.comparisons import Comparison, Part
from semsig.evaluate.rankings import Distances
from semsig.evaluate.signing import sign_photos
from semsig.search.fusion import FUSED, FusionOptions
from semsig.segment import DEFAULT_SEGMENTER, Segmenter
from semsig.segment.card import PACKAGED
from semsig.signatures import SignatureKind, load_signature, signature_kinds

RESULT = Path(__file__).parent.parent / "results" / "retrieval.json"
BENCHMARKS = ("wang", "msrc_v2")
LEVELS = (1, 3)
SBS_METRICS = ("hamming", "tanimoto", "tanimoto-idf")
FUSED_LEVEL = 3


def parts_of(segmenter: Segmenter, cache: Path) -> dict[str, Part]:
    """Return the signatures to rank photos by: the default first, SBS in many variants."""
    parts = {}
    for kind in sorted(signature_kinds(), key=lambda kind: kind.rank):
        if kind.has_levels:
            for level in LEVELS:
                encoder = kind.encoder(segmenter, levels=level)
                for metric in SBS_METRICS:
                    parts[f"{kind.name} {level} {metric}"] = Part(
                        kind=kind, encoder=encoder, metric=metric
                    )
        elif kind.suits(segmenter):
            kept = {"cache": cache} if kind.name == "sbovp" else {}
            encoder = kind.encoder(segmenter, **kept)
            parts[kind.name] = Part(kind=kind, encoder=encoder, metric=kind.metrics[0])
    return parts


def distances_by(parts: Mapping[str, Part], signed: Mapping[int, Any], photos: Photos) -> Any:
    """Return for each part the distances, (N, M), from every photo to those of the database."""
    database = np.flatnonzero(photos.in_database)
    found = {}
    for name, part in parts.items():
        rows = [signed[number][0][name] for number in range(len(photos.paths))]
        found[name] = part.matrix(rows, [rows[i] for i in database])
    return found


def ways(
    parts: Mapping[str, Part], found: Mapping[str, NDArray[np.float32]]
) -> Iterator[tuple[dict[str, Any], Distances]]:
    """Yield each signature, with its level and metric if it has any, and its distances."""
    for name, part in parts.items():
        level = part.encoder.schema.levels if part.kind.has_levels else None
        facts = {"signature": part.kind.name, "levels": level, "metric": part.metric}
        yield facts, _rows(found[name])
    scaled = {}
    for name in FusionOptions().shares:
        kind = load_signature(name)
        key = f"{name} {FUSED_LEVEL} {kind.fused_metric}" if kind.has_levels else name
        if key in parts:
            scaled[name] = _fusible(kind, parts[key], found[key])
    facts = {"signature": FUSED, "levels": FUSED_LEVEL, "metric": " + ".join(scaled)}
    yield facts, _rows(FusionOptions().fuse(scaled))


def _fusible(
    kind: SignatureKind, part: Part, distances: NDArray[np.float32]
) -> NDArray[np.float32]:
    if part.metric != kind.fused_metric:
        raise ValueError(f"expected {kind.fused_metric} of {kind.name}, got {part.metric}")
    return np.float32(kind.scale(part.encoder.schema)) * distances


def _rows(distances: NDArray[np.float32]) -> Distances:
    return lambda asked: distances[asked]


def measure_all(name: str, root: Path, label: str, segmenter: Segmenter, cache: Path) -> list[Any]:
    """Measure every signature of one segmenter on one benchmark."""
    dataset = load_dataset(name)
    photos = dataset.scan(root)
    parts = parts_of(segmenter, cache)
    with Bar() as bar:
        task = bar.add_task(f"{name}, {label}")
        signed, skipped = sign_photos(
            photos,
            segmenter,
            Comparison(parts=parts),
            lambda _, done, total: bar.update(task, completed=done, total=total),
        )
    if skipped:
        raise SystemExit(f"{skipped[0].path} was skipped: {skipped[0].reason}")
    rows = []
    for facts, distances in ways(parts, distances_by(parts, signed, photos)):
        found = measure(dataset, photos, distances)
        rows.append(
            {"dataset": name, "label_maps": label, "segmenter_fingerprint": segmenter.fingerprint}
            | facts
            | {"n_queries": found.n_queries, "notes": list(found.notes)}
            | {of: round(value, 4) for of, value in found.measures.items()}
        )
    return rows


def run(root: Path, segmenters: Sequence[str]) -> Iterator[Any]:
    """Yield the results of every benchmark found in `root`."""
    with tempfile.TemporaryDirectory() as cache:
        for name in BENCHMARKS:
            folder, maps = root / name, root / f"{name}_labelmaps"
            if not folder.is_dir():
                continue
            for segmenter in segmenters:
                loaded = load_segmenter(segmenter, threads=1)
                yield from measure_all(name, folder, segmenter, loaded, Path(cache))
            if maps.is_dir():
                teachers = load_segmenter(f"files:{maps}")
                yield from measure_all(name, folder, "two public teachers", teachers, Path(cache))


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    default_first = sorted(PACKAGED, key=lambda name: name != DEFAULT_SEGMENTER)
    parser.add_argument("--segmenter", nargs="+", default=default_first)
    parser.add_argument("--json", action="store_true", help="print the result file")
    args = parser.parse_args()
    rows = list(run(args.root, args.segmenter))
    RESULT.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    if args.json:
        print(RESULT.read_text(), end="")


if __name__ == "__main__":
    main()
