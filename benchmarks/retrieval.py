"""Retrieval accuracy of SBS on benchmarks, by segmenter, level and metric.

python -m benchmarks.retrieval --root DATA [--segmenter embedded lite] [--json]

DATA holds a folder a benchmark (``wang``, ``msrc_v2``, ...); where it also holds
``<name>_labelmaps``, those are measured as one more segmenter. Each photo is segmented once.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from rich.progress import Progress as Bar

from semsig import ClassTable, LabelMap, load_segmenter
from semsig.evaluate import evaluate
from semsig.segment import Segmenter, segment_path
from semsig.segment.card import PACKAGED
from semsig.types import Image, Metric

RESULT = Path(__file__).parent.parent / "results" / "retrieval.json"
BENCHMARKS = ("wang", "msrc_v2")
LEVELS = (1, 3)
METRICS: tuple[Metric, ...] = ("hamming", "tanimoto", "tanimoto-idf")


class Remembered:
    """A segmenter that segments each photo once."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._maps: dict[str, LabelMap] = {}
        self.classes: ClassTable = segmenter.classes
        self.name: str = segmenter.name
        self.fingerprint: str = segmenter.fingerprint

    def for_path(self, path: str | os.PathLike[str]) -> LabelMap:
        """Return the photo's label map."""
        key = os.fspath(path)
        if key not in self._maps:
            self._maps[key] = segment_path(self._segmenter, path)
        return self._maps[key]

    def state(self, path: str | os.PathLike[str]) -> str:
        """Return the path: a photo's map does not change within a run."""
        return os.fspath(path)

    def __call__(self, image: Image) -> LabelMap:
        """Segment one photo."""
        return self._segmenter(image)

    def batch(self, images: Sequence[Image]) -> list[LabelMap]:
        """Segment many photos."""
        return self._segmenter.batch(images)


def measure(name: str, root: Path, label: str, segmenter: Segmenter, bar: Bar) -> list[dict]:
    """Evaluate one benchmark with one segmenter at every level and metric."""
    remembered = Remembered(segmenter)
    task = bar.add_task(f"{name}, {label}", total=len(LEVELS) * len(METRICS))
    rows = []
    for levels in LEVELS:
        for metric in METRICS:
            found = evaluate(name, root, segmenter=remembered, levels=levels, metric=metric)
            rows.append(
                {
                    "dataset": name,
                    "label_maps": label,
                    "segmenter_fingerprint": segmenter.fingerprint,
                    "levels": levels,
                    "metric": metric,
                    "n_queries": found.n_queries,
                    "notes": list(found.notes),
                    **{measure: round(value, 4) for measure, value in found.measures.items()},
                }
            )
            bar.advance(task)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--segmenter", nargs="+", default=list(PACKAGED))
    parser.add_argument("--json", action="store_true", help="print the result file")
    args = parser.parse_args()
    rows = []
    with Bar(disable=args.json) as bar:
        for name in BENCHMARKS:
            folder, maps = args.root / name, args.root / f"{name}_labelmaps"
            if not folder.is_dir():
                continue
            for segmenter in args.segmenter:
                rows += measure(name, folder, segmenter, load_segmenter(segmenter), bar)
            if maps.is_dir():
                teachers = load_segmenter(f"files:{maps}")
                rows += measure(name, folder, "two public teachers", teachers, bar)
    RESULT.write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    if args.json:
        print(RESULT.read_text(), end="")


if __name__ == "__main__":
    main()
