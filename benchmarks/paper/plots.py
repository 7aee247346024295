"""Plots as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot


def costs(names: Sequence[str], values: Sequence[float], *, label: str) -> Any:
    """Draw one bar per name, from left to right, on a logarithmic scale."""
    figure, axes = pyplot.subplots(figsize=(8, 0.3 * len(names) + 1), layout="tight")
    drawn = axes.barh(range(len(names)), values)
    axes.bar_label(drawn, [f"{value:.2g}" for value in values], padding=3, fontsize="small")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel(label)
    return figure


def bars(groups: Sequence[str], series: Mapping[str, Sequence[float]], *, label: str) -> Any:
    """Draw one bar per group and series."""
    figure, axes = pyplot.subplots(figsize=(max(6, 0.9 * len(groups) + 3), 4), layout="tight")
    width = 0.8 / len(series)
    for position, (name, values) in enumerate(series.items()):
        places = [i + position * width for i in range(len(groups))]
        axes.bar(places, values, width, label=name)
    middle = 0.4 - width / 2
    axes.set_xticks([i + middle for i in range(len(groups))], groups, rotation=30, ha="right")
    axes.set_ylabel(label)
    if len(series) > 1:
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def lines(places: Sequence[float], series: Mapping[str, Sequence[float]], labels: str) -> Any:
    """Draw one line per series; `labels` are those of both axes, separated by a bar.

    The axis upwards spans at least 0.1, so that hundredths do not look like leaps.
    """
    figure, axes = pyplot.subplots(figsize=(8, 4), layout="tight")
    for name, values in series.items():
        axes.plot(places, values, marker="o", label=name)
    across, up = labels.split("|")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_xticks(list(places))
    low, high = axes.get_ylim()
    missing = max(0, 0.1 - (high - low)) / 2
    axes.set_ylim(low - missing, high + missing)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def save(figure: Any, folder: Path, name: str) -> str:
    """Write PNG and SVG, and return the PNG's path below `folder`'s parent."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("png", "svg"):
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(folder / f"{name}.{kind}", dpi=110, metadata=metadata)
    pyplot.close(figure)
    return f"{folder.name}/{name}.png"
