"""Table 1: the datasets as they were found."""

from __future__ import annotations

from typing import Any

from benchmarks.paper.facts import TITLES, paper
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Heading, Part, Table


def run(materials: list[Material]) -> dict[str, Any]:
    """Count each dataset's photos."""
    return {
        material.name: {
            "db": int(material.photos.in_database.sum()),
            "queries": int(material.photos.is_query.sum()),
            "r": material.dataset.cutoff or "class size",
            "notes": list(material.photos.notes),
        }
        for material in materials
    }


def show(found: dict[str, Any]) -> list[Part]:
    """Put what was found beside the paper's counts."""
    rows = []
    for name, theirs in paper()["datasets"].items():
        ours = found.get(name)
        counts = f"{ours['db']:,} / {ours['queries']:,}" if ours else "not here"
        mode, notes = theirs["mode"], "; ".join(ours["notes"]) if ours else ""
        rows.append(
            [TITLES[name], f"{theirs['db']:,} / {theirs['queries']:,}", counts, mode, notes]
        )
    header = ["dataset", "paper: database / queries", "here", "queries", "notes"]
    return [Heading("Table 1. Datasets"), Table(header, rows)]
