"""Tables of systems for a paper, a spreadsheet or a page: LaTeX, CSV, Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from semsig.evaluate.named import lower_is_better
from semsig.evaluate.systems import Systems

ALPHA = 0.05
"""Differences with a corrected p below this are marked."""

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def as_csv(systems: Systems) -> str:
    """Return one row per system and class: each measure, its interval's ends, and n_queries.

    The row over all queries has the class ``all``.
    """
    names = _measures(systems)
    rows: list[list[object]] = [
        ["system", "class", "n_queries", *(f"{n}{end}" for n in names for end in _ENDS)]
    ]
    for system, result in systems.results.items():
        whole = [v for n in names for v in (result.measures[n], *result.intervals[n])]
        rows.append([system, "all", result.n_queries, *whole])
        for class_, values in result.per_class.items():
            rows.append([system, class_, "", *(v for n in names for v in (values[n], "", ""))])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


_ENDS = ("", "_low", "_high")


def as_markdown(systems: Systems) -> str:
    """Return measures with their 95 % intervals, and the tests of every pair."""
    names = _measures(systems)
    rows = [
        [_cell(system), *(_with_interval(systems, system, name) for name in names)]
        for system in systems.results
    ]
    parts = [_markdown(["system", *names], rows)]
    if systems.differences:
        tests = [
            [
                _cell(each.first),
                _cell(each.second),
                f"{each.difference:+.4f}",
                f"{each.p:.4f}",
                f"{each.p_holm:.4f}",
            ]
            for each in systems.differences
        ]
        header = ["first", "second", f"difference of {systems.tested}", "p", "p (Holm)"]
        parts.append(_markdown(header, tests))
    return "\n".join(parts)


def as_latex(systems: Systems) -> str:
    r"""Return a ``tabular`` (package booktabs): the best in bold, and daggers.

    ``$\dagger$`` marks systems that differ from the first one (p < 0.05, paired permutation test
    of the tested measure, Holm's correction).
    """
    names = _measures(systems)
    lines = [
        r"\begin{tabular}{l" + "r" * len(names) + "}",
        r"\toprule",
        " & ".join(["System", *map(_latex, names)]) + r" \\",
        r"\midrule",
    ]
    lines += [
        " & ".join([_latex(system), *(_latex_value(systems, system, name) for name in names)])
        + r" \\"
        for system in systems.results
    ]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def significant(systems: Systems, system: str) -> bool:
    """Tell whether a system differs from the first one in the tested measure."""
    first = next(iter(systems.results))
    return any(
        (each.first, each.second) == (first, system) and each.p_holm < ALPHA
        for each in systems.differences
    )


def _measures(systems: Systems) -> list[str]:
    return list(next(iter(systems.results.values())).measures)


def _with_interval(systems: Systems, system: str, name: str) -> str:
    result = systems.results[system]
    low, high = result.intervals[name]
    return f"{result.measures[name]:.3f} ({low:.3f}–{high:.3f})"


def _latex_value(systems: Systems, system: str, name: str) -> str:
    values = {each: f"{result.measures[name]:.3f}" for each, result in systems.results.items()}
    best = (min if lower_is_better(name) else max)(values.values(), key=float)
    value = values[system]
    text = rf"\textbf{{{value}}}" if value == best else value
    marked = name == systems.tested and significant(systems, system)
    return text + (r"$^\dagger$" if marked else "")


def _latex(text: str) -> str:
    return "".join(_ESCAPES.get(sign, sign) for sign in text)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)
