"""The paper's own numbers."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

TITLES = {
    "msrc_v1": "MSRC v1",
    "msrc_v2": "MSRC v2",
    "linnaeus": "Linnaeus",
    "wang": "Wang",
    "corel_10k": "Corel-10K",
    "ghim_10k": "GHIM-10K",
}


@cache
def paper() -> dict[str, Any]:
    """Return ``tables.toml``."""
    return tomllib.loads(Path(__file__).with_name("tables.toml").read_text("utf-8"))


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as a table shows it; a dash for what is not given."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"


def with_interval(scores: dict[str, Any], name: str) -> str:
    """Return a measure with its 95 % interval."""
    low, high = scores["intervals"][name]
    return f"{scores[name]:.3f} ({low:.3f}–{high:.3f})"
