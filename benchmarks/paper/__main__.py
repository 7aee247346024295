"""Run it: ``python -m benchmarks.paper --data ROOT``."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import benchmarks.paper
from benchmarks.paper import (
    beat,
    figure13,
    readings,
    table1,
    table3,
    table4,
    table5,
    table6,
    table7,
)
from benchmarks.paper.cache import Cache
from benchmarks.paper.material import Material, find_material
from benchmarks.paper.parts import Part, Text, as_html, as_markdown
from benchmarks.timing import machine

TITLE = "Ouni et al. 2022, reproduced"
Run = Callable[[list[Material]], dict[str, Any]]
RUNS: dict[str, Run] = {
    "table1": table1.run,
    "table3": table3.run,
    "table4": table4.run,
    "table5": table5.run,
    "table6": table6.run,
    "table7": table7.run,
    "figure13": figure13.run,
    "beat": beat.run,
    "readings": readings.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=benchmarks.paper.__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder a dataset lies below it")
    parser.add_argument("--only", default=",".join(RUNS), help=f"some of {','.join(RUNS)}")
    parser.add_argument("--cache", type=Path, default=cache_folder())
    parser.add_argument("--out", type=Path, default=Path("results") / "paper")
    args = parser.parse_args()
    wanted = args.only.split(",")
    if unknown := set(wanted) - RUNS.keys():
        parser.error(f"no {', '.join(sorted(unknown))}; there are {', '.join(RUNS)}")
    materials, missing = find_material(args.data, Cache(args.cache))
    for name, why in missing.items():
        print(f"{name} is left out: {why}")
    if not materials:
        parser.error(f"{args.data} holds none of the datasets")
    for name in wanted:
        _run(name, materials, args.out)
    write_report(materials, missing, args.out)


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "semsig" / "paper"


def _run(name: str, materials: list[Material], out: Path) -> None:
    clock, cpu = time.perf_counter(), time.process_time()
    found = RUNS[name](materials)
    spent = {
        "wall": round(time.perf_counter() - clock, 1),
        "cpu": round(time.process_time() - cpu, 1),
    }
    out.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "seconds": spent, "found": found}
    (out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    print(f"{name}: {spent['wall']:,} s ({spent['cpu']:,} s of CPU time)", flush=True)


def write_report(materials: list[Material], missing: dict[str, str], out: Path) -> None:
    """Write report.md and report.html from every result there is, of this run or another."""
    found = {
        name: json.loads((out / f"{name}.json").read_text())["found"]
        for name in RUNS
        if (out / f"{name}.json").exists()
    }
    figures = out / "figures"
    parts: list[Part] = [Text(benchmarks.paper.__doc__.splitlines()[0])]
    shows: dict[str, Callable[[Any], list[Part]]] = {
        "table1": table1.show,
        "table3": table3.show,
        "table4": table4.show,
        "table5": lambda of: table5.show(of, figures),
        "table6": lambda of: table6.show(of, figures),
        "table7": lambda of: table7.show(of, figures),
        "figure13": lambda of: figure13.draw(materials, of, figures),
        "beat": beat.show,
        "readings": readings.show,
    }
    for name, of in found.items():
        parts += shows[name](of)
    parts += [Text(f"Left out: {name}, because {why}") for name, why in missing.items()]
    (out / "report.md").write_text(as_markdown(TITLE, parts), "utf-8")
    (out / "report.html").write_text(as_html(TITLE, parts), "utf-8")
    print(f"Wrote {out / 'report.md'} and {out / 'report.html'}")


if __name__ == "__main__":
    main()
