"""Helpers for the tables in README and docs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from benchmarks.timing import RESULTS


def load(name: str) -> Any:
    """Return ``results/<name>.json``."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in GitHub's Markdown."""
    header = list(header)
    lines = [header, ["---"] * len(header), *map(list, rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def seconds(value: float) -> str:
    """Return a time with its unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"
