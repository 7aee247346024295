"""Write the README's tables from ``results/*.json``, and the output of its example.

python -m benchmarks.report          rewrites README.md and pages of docs/
python -m benchmarks.report --check  exits with 1 if a table is out of date

A block is ``<!-- NAME -->`` ... ``<!-- end NAME -->``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.markdown import load as _load
from benchmarks.markdown import seconds as _seconds
from benchmarks.markdown import table as _table
from benchmarks.pareto import render as pareto_table
from benchmarks.phrase_tables import sbovp, sbovp_all, signatures
from semsig.segment import DEFAULT_SEGMENTER
from semsig.segment.card import PACKAGED

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAPER = ROOT / "benchmarks" / "paper"

STEPS = (
    "SBS, Hamming (the paper's)",
    "idf-Tanimoto",
    "SBS + SBOVP",
    "SBS + SBOVP + pooled",
    "SBS + SBOVP + pooled, re-ranked",
    "SBS + SBOVP + pooled, expanded",
    "pooled alone",
    "pooled alone, re-ranked",
)
"""Steps beyond the paper that the README shows; docs/measures.md shows all."""


def construction() -> str:
    """Tabulate SBS construction, one row per method, one column per level."""
    found = _load("construction")
    levels = found["levels"]
    methods = next(iter(levels.values()))
    rows = [
        [
            method,
            *(_seconds(runs[method]["cpu"]) for runs in levels.values()),
            f"{levels['n=3'][method]['faster']:,.0f}x",
        ]
        for method in methods
    ]
    return _table([found["task"], *levels, "faster at n=3"], rows)


def segmenters() -> str:
    """Tabulate the time of one forward pass: the embedded network in each runtime, and lite."""
    found = _load("segmenters")
    rows = [
        [name, _seconds(run["cpu"]), f"{run['faster']:.1f}x"] for name, run in found["runs"].items()
    ]
    return _table([found["task"], "CPU time", "faster"], rows)


def hamming() -> str:
    """Tabulate exact search: one table per size, a row per method, a column per query kind."""
    return _hamming_tables("hamming")


def hamming_maps() -> str:
    """Tabulate exact search among signatures of real label maps."""
    return _hamming_tables("hamming_maps")


def hamming_znver5() -> str:
    """Tabulate exact search on a CPU where faiss counts bits with a vector instruction."""
    return _hamming_tables("hamming_znver5")


def _hamming_tables(name: str) -> str:
    sizes = _load(name)["sizes"]
    return "\n\n".join(_hamming_table(sizes[rows]) for rows in sorted(sizes, key=int))


def _hamming_table(size: Any) -> str:
    kinds = size["timings"]
    methods = {method: None for runs in kinds.values() for method in runs}
    recall = {m: f", recall {r:.3f}" for m, r in size["recall"].get("k=10", {}).items()}
    rows = [
        [
            method + recall.get(method, ""),
            _seconds(size["building"][method]) if size["building"].get(method) else "",
            *(_timing(runs.get(method)) for runs in kinds.values()),
        ]
        for method in methods
    ]
    after = {what: _seconds(value) for what, value in size["after one more"].items()}
    table = _table([size["task"], "built in", *kinds], rows)
    whole = [f" For {k} {n:.0f} rows are compared whole." for k, n in _compared(size)]
    more = f"One more takes {after['add one']}, the search after it {after['search']}."
    return f"{table}\n\n{more}{''.join(whole)}"


def _compared(size: Any) -> list[tuple[str, float]]:
    return [(k.replace("=", " = "), rows) for k, rows in size.get("compared", {}).items()]


def _timing(run: Any) -> str:
    return f"{_seconds(run['cpu'])} ({run['faster']:.3g}x)" if run else ""


def l2() -> str:
    """Tabulate exact search of bags of visual phrases: one table per search, one row per method."""
    found = _load("l2")
    return "\n\n".join(_l2_table(name, of["timings"]) for name, of in found["searches"].items())


def _l2_table(name: str, kinds: Any) -> str:
    methods = next(iter(kinds.values()))
    rows = [[method, *(_timing(runs[method]) for runs in kinds.values())] for method in methods]
    return _table([name, *kinds], rows)


def coldstart() -> str:
    """Tabulate the time from the start of a process to its answer."""
    found = _load("coldstart")
    return _table(
        ["from process start to its end", "wall time"],
        [[name, _seconds(value)] for name, value in found["seconds"].items()],
    )


def retrieval() -> str:
    """Tabulate retrieval accuracy on the benchmarks."""
    columns = ("map", "p@20", "map_paper", "p@r", "anmrr")
    rows = [
        [
            *(str(row[key]) for key in ("dataset", "label_maps", "signature")),
            "" if row["levels"] is None else str(row["levels"]),
            row["metric"],
            *(f"{row[column]:.3f}" for column in columns),
        ]
        for row in _default_first(_load("retrieval")["rows"])
    ]
    return _table(["benchmark", "label maps", "signature", "n", "metric", *columns], rows)


def pareto() -> str:
    """Tabulate what accuracy costs."""
    return pareto_table(_load("pareto"))


def _default_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of each dataset with those of the default network first."""
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    return sorted(
        rows,
        key=lambda row: (datasets.index(row["dataset"]), row["label_maps"] != DEFAULT_SEGMENTER),
    )


def paper() -> str:
    """Tabulate the paper's best results and the most important of our steps."""
    return _paper(STEPS)


def paper_steps() -> str:
    """Tabulate all steps, with the package's networks, on the paper's datasets."""
    return _paper(None)


def _paper(steps: Sequence[str] | None) -> str:
    columns = ("msrc_v1", "msrc_v2", "linnaeus", "wang", "corel_10k", "ghim_10k")
    theirs = tomllib.loads((PAPER / "tables.toml").read_text("utf-8"))["table6"]["ours_best"]
    rows = []
    for name, by_segmenter in _load("paper/beat")["found"].items():
        best = f"{theirs[columns.index(name)]:.2f}"
        rows.append([name, "the paper's", "its best", best, "", ""])
        for network in sorted(PACKAGED, key=lambda name: name != DEFAULT_SEGMENTER):
            for step, scores in by_segmenter[network].items():
                if steps is not None and step not in steps:
                    continue
                low, high = scores["intervals"]["map_paper"]
                shown = f"{scores['map_paper']:.3f} ({low:.3f}–{high:.3f})"
                figures = f"{scores['map']:.3f}", f"{scores['p@20']:.3f}"
                rows.append([name, network, step, shown, *figures])
    measures = "map_paper (95 % interval)", "map", "p@20"
    return _table(["benchmark", "network", "distance", *measures], rows)


def example() -> str:
    """Run the README's Python example and return what it prints."""
    code = re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    if code is None:
        raise SystemExit("README.md has no Python example")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code.group(1), "README.md", "exec"), {})
    return f"```\n{printed.getvalue().rstrip()}\n```"


PAGES: dict[Path, dict[str, Callable[[], str]]] = {
    README: {"example": example},
    ROOT / "docs" / "results.md": {
        "retrieval": retrieval,
        "pareto": pareto,
        "paper": paper,
        "sbovp": sbovp,
    },
    ROOT / "docs" / "performance.md": {
        "hamming": hamming,
        "hamming-znver5": hamming_znver5,
        "hamming-maps": hamming_maps,
        "l2": l2,
        "construction": construction,
        "signatures": signatures,
        "segmenters": segmenters,
        "coldstart": coldstart,
    },
    ROOT / "docs" / "measures.md": {"paper-steps": paper_steps},
    ROOT / "docs" / "sbovp.md": {"sbovp-all": sbovp_all},
}


def render(page: Path) -> str:
    """Return a page with every block regenerated."""
    text = page.read_text("utf-8")
    for name, make in PAGES[page].items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"{page.name} has no block {name!r}")
        block = make()
        text = pattern.sub(lambda match, block=block: f"{match[1]}{block}\n{match[2]}", text)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    made = {page: render(page) for page in PAGES}
    if args.check:
        sys.exit(any(page.read_text("utf-8") != text for page, text in made.items()))
    for page, text in made.items():
        page.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
