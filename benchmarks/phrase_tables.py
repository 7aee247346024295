"""Tables of visual phrases: retrieval accuracy by option, and construction times."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import load, seconds, table
from benchmarks.paper.facts import paper

Row = dict[str, Any]

_DATASETS = ("wang", "msrc_v2")
_SIZES = (5, 25, 50, 100, 200, 500)
_KINDS = {("semantic", "sqrt"): 5, ("visual", "none"): 50}
"""Words and norm of the README's rows, and the number of words L for its n = 3 and 4."""
_OPTIONS = ("n_words", "length", "words", "norm", "space", "regions")
_MEASURES = ("map", "map_paper", "p@20", "p@r", "anmrr")
_LENGTHS = (2, 3, 4)


def sbovp() -> str:
    """Tabulate mean average precision: one row per dataset, label maps, words and detector."""
    found = {_key(row): row for row in load("sbovp")["rows"]}
    shown = [
        [dataset, maps, words, detector.upper(), *map(_score, _series(found, case))]
        for case in _cases(found)
        for dataset, maps, detector, words, _ in [case]
    ]
    sizes = [f"L = {size}" for size in _SIZES]
    header = ["benchmark", "label maps", "words", "detector", *sizes, "n = 3", "n = 4"]
    return table(header, shown)


def _key(row: Row) -> tuple[Any, ...]:
    return (row["dataset"], row["maps"], row["detector"], *(row[name] for name in _OPTIONS))


def _cases(found: dict[tuple[Any, ...], Row]) -> list[tuple[str, ...]]:
    seen = dict.fromkeys(key[:3] for key in sorted(found, key=lambda key: _DATASETS.index(key[0])))
    return [(*case, *kind) for case in seen for kind in _KINDS]


def _series(found: dict[tuple[Any, ...], Row], case: tuple[str, ...]) -> list[Row | None]:
    *where, words, norm = case
    rest = words, norm, "descriptor", "classes"
    asked = [(size, 2) for size in _SIZES] + [(_KINDS[words, norm], n) for n in (3, 4)]
    return [found.get((*where, size, length, *rest)) for size, length in asked]


def _score(row: Row | None) -> str:
    return f"{row['map']:.3f}" if row else ""


def sbovp_all() -> str:
    """Tabulate all measurements of phrases: one table per dataset and source of label maps."""
    rows = load("sbovp")["rows"]
    groups = dict.fromkeys((row["dataset"], row["maps"], row["detector"]) for row in rows)
    return "\n\n".join(_all_of(rows, group) for group in sorted(groups))


def _all_of(rows: list[Row], group: tuple[str, str, str]) -> str:
    own = [row for row in rows if (row["dataset"], row["maps"], row["detector"]) == group]
    cells = [
        [*(str(row[name]) for name in _OPTIONS), *(f"{row[name]:.3f}" for name in _MEASURES)]
        for row in own
    ]
    dataset, maps, detector = group
    header = ["L", "n", "words", "norm", "linked by", "within", *_MEASURES]
    return f"### {dataset}, {maps}, {detector.upper()}\n\n{table(header, cells)}"


def signatures() -> str:
    """Tabulate construction times: ours, the paper's Table 4, and the rivals of its Figure 11."""
    found = load("signatures")
    runs = {name: seconds(run["cpu"]) for name, run in found["runs"].items()}
    theirs = " / ".join(f"{value}" for value in paper()["table4"]["wang"])
    rows = [
        ["SBS, 1 / 4 / 16 / 64 blocks", _joined(runs, [f"SBS, {4**n} blocks" for n in range(4)])],
        ["the same by the paper (its Table 4, Wang)", f"{theirs} ms"],
    ]
    heads = dict.fromkeys(name.rpartition(", n")[0] for name in runs if name.startswith("SBOVP"))
    rows += [
        [f"{head}, n = 2 / 3 / 4", _joined(runs, [f"{head}, n = {n}" for n in _LENGTHS])]
        for head in heads
    ]
    rows += [[name, time] for name, time in runs.items() if not name.startswith(("SBS", "SBOVP"))]
    return table([found["task"], "CPU time"], rows)


def _joined(runs: dict[str, str], names: list[str]) -> str:
    return " / ".join(runs[name] for name in names)
