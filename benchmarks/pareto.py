"""What accuracy costs: every signature of every network, with bytes and CPU seconds per photo.

python -m benchmarks.pareto DATASET[=ROOT] ... [--segmenter lite embedded] [--signature sbs pooled]
    [--plot]

DATASET=ROOT is a benchmark and the folder of its photos; DATASET alone is a folder with one folder
per class. Each signature is indexed by an engine, whose CPU seconds and bytes on disk are measured,
and evaluated by strict average precision and p@20. The table is printed and written to
results/pareto.json; a * marks rows for which no other row of the data set has a higher mAP with as
few bytes. --plot draws docs/pareto.svg.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.markdown import seconds, table
from benchmarks.timing import RESULTS
from semsig import Engine, load_segmenter
from semsig.datasets import Dataset, load_dataset, own_dataset
from semsig.evaluate import evaluate
from semsig.segment import gives_features

SIGNATURES = ("sbs", "sbovp", "pooled", "fused")
PARTS = {"fused": ("sbs", "sbovp", "pooled")}
"""The signatures that must be stored for a fused one."""


def find(named: str) -> tuple[Dataset, Path]:
    """Return the benchmark and the folder that an argument names."""
    name, _, root = named.partition("=")
    return (load_dataset(name), Path(root)) if root else (own_dataset(name), Path(name))


def costs(paths: Sequence[Path], segmenter: str, signature: str) -> tuple[float, float]:
    """Return one signature's bytes on disk and CPU seconds, both per photo."""
    parts = PARTS.get(signature, (signature,))
    with tempfile.TemporaryDirectory() as folder:
        further = tuple(part for part in parts if part != "sbs")
        engine = Engine.create(Path(folder, "index"), segmenter=segmenter, signatures=further)
        start = time.process_time()
        engine.add(paths)
        took = time.process_time() - start
        sizes = {"sbs": engine.index.n_bytes}
        sizes |= {name: side.index.n_bytes for name, side in engine.sides.items()}
        return sum(sizes[part] for part in parts) / len(engine), took / len(engine)


def measure(named: str, segmenters: Sequence[str], signatures: Sequence[str]) -> list[dict]:
    """Measure every signature of every network on one data set."""
    dataset, root = find(named)
    paths = sorted(set(dataset.scan(root).paths))
    rows = []
    for segmenter in segmenters:
        for signature in signatures:
            if signature == "pooled" and not gives_features(load_segmenter(segmenter)):
                continue
            found = evaluate(dataset, root, segmenter=segmenter, signature=signature)
            size, took = costs(paths, segmenter, signature)
            rows.append(
                {
                    "dataset": dataset.name,
                    "network": segmenter,
                    "signature": signature,
                    "bytes": size,
                    "seconds": took,
                    "photos": found.n_database,
                    **{name: found.measures[name] for name in ("map", "p@20")},
                }
            )
    return rows


def best(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> bool:
    """Whether no other row of the data set has a higher mAP for as few bytes."""
    return not any(
        other["dataset"] == row["dataset"]
        and other["bytes"] <= row["bytes"]
        and other["map"] > row["map"]
        for other in rows
    )


def render(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    header = ("dataset", "network", "signature", "bytes", "CPU time", "map", "p@20", "")
    lines = [
        (
            row["dataset"],
            row["network"],
            row["signature"],
            f"{row['bytes']:,.0f}",
            seconds(row["seconds"]),
            f"{row['map']:.3f}",
            f"{row['p@20']:.3f}",
            "*" if best(row, rows) else "",
        )
        for row in rows
    ]
    return table(header, lines)


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", metavar="DATASET[=ROOT]")
    parser.add_argument("--segmenter", nargs="+", default=["lite", "embedded"])
    parser.add_argument("--signature", nargs="+", choices=SIGNATURES, default=SIGNATURES)
    parser.add_argument("--plot", action="store_true", help="draw docs/pareto.svg")
    options = parser.parse_args()
    rows = [
        row
        for named in options.datasets
        for row in measure(named, options.segmenter, options.signature)
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pareto.json").write_text(json.dumps(rows, indent=1) + "\n")
    if options.plot:
        from benchmarks.plots import draw_pareto

        draw_pareto(rows)
    print(render(rows))


if __name__ == "__main__":
    main()
