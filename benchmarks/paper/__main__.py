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
from benchmarks.paper.facts import TITLES
from benchmarks.paper.material import Material, cores, find_material
from benchmarks.paper.parts import Heading, Part, Table, Text, as_html, as_markdown
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
    cache = Cache(args.cache)
    materials, missing = find_material(args.data, cache)
    for name, why in missing.items():
        print(f"{name} is left out: {why}")
    if not materials:
        parser.error(f"{args.data} holds none of the datasets")
    for name in wanted:
        _run(name, materials, cache, args.out)
    write_report(materials, missing, args.out)


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "semsig" / "paper"


def _run(name: str, materials: list[Material], cache: Cache, out: Path) -> None:
    """Make one table; its time is that of a cold run where anything of photos was computed."""
    clock, cpu, made = time.perf_counter(), time.process_time(), cache.made
    found = RUNS[name](materials)
    spent = {
        "wall": round(time.perf_counter() - clock, 1),
        "cpu": round(time.process_time() - cpu, 1),
        "cores": cores(),
    }
    out.mkdir(parents=True, exist_ok=True)
    file, kind = out / f"{name}.json", "warm" if cache.made == made else "cold"
    seconds = json.loads(file.read_text())["seconds"] if file.exists() else {}
    kept = {other: seconds[other] for other in ("cold", "warm") if other in seconds}
    document = {"machine": machine(), "seconds": kept | {kind: spent}, "found": found}
    file.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{name}, {kind}: {spent['wall']:,} s ({spent['cpu']:,} s of CPU time)", flush=True)


def write_report(materials: list[Material], missing: dict[str, str], out: Path) -> None:
    """Write report.md and report.html from every result there is, of this run or another."""
    files = {name: out / f"{name}.json" for name in RUNS}
    documents = {name: json.loads(f.read_text()) for name, f in files.items() if f.exists()}
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
    for name, document in documents.items():
        parts += shows[name](document["found"])
    parts += _times({name: document["seconds"] for name, document in documents.items()})
    parts += [Text(f"Left out: {TITLES[name]}, because {why}") for name, why in missing.items()]
    (out / "report.md").write_text(as_markdown(TITLE, parts), "utf-8")
    (out / "report.html").write_text(as_html(TITLE, parts), "utf-8")
    print(f"Wrote {out / 'report.md'} and {out / 'report.html'}")


def _times(stages: dict[str, dict[str, Any]]) -> list[Part]:
    """Tabulate what each table took, cold and warm, and their sums."""
    rows = [
        [name, *(_spent([of.get(kind)]) for kind in ("cold", "warm"))]
        for name, of in stages.items()
    ]
    sums = (_spent([of.get(kind) for of in stages.values()]) for kind in ("cold", "warm"))
    counts = {str(spent["cores"]) for of in stages.values() for spent in of.values()}
    return [
        Heading("What it took"),
        Table(["made", "cold: wall s (CPU s)", "warm: wall s (CPU s)"], [*rows, ["all", *sums]]),
        Text(
            "Cold: label maps, features, keypoints or phrases had to be computed of photos first, "
            "by the table that needs them first. Warm: they were on disk. Cores used: "
            f"{', '.join(sorted(counts))}."
        ),
    ]


def _spent(times: list[dict[str, float] | None]) -> str:
    known = [time for time in times if time]
    if not known:
        return "–"
    return f"{sum(t['wall'] for t in known):,.0f} ({sum(t['cpu'] for t in known):,.0f})"


if __name__ == "__main__":
    main()
