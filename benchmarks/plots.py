"""Plots of the benchmarks' results, for the README."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

DOCS = Path(__file__).resolve().parent.parent / "docs"
STAGES = ("single, k=10", "batch of 100, k=100")


def draw_hamming(sizes: dict[str, Any]) -> None:
    """Draw time per query against the number of rows, one panel per stage."""
    plt.rcParams["svg.hashsalt"] = "semsig"
    figure, panels = plt.subplots(1, len(STAGES), figsize=(10, 4.2), sharey=True)
    colors: dict[str, Any] = {}
    for panel, stage in zip(panels, STAGES, strict=True):
        for name, points in _lines(sizes, stage).items():
            own = name.startswith("semsig")
            color = colors.setdefault(name, plt.get_cmap("tab20")(2 * len(colors) % 19))
            rows, seconds = zip(*sorted(points), strict=True)
            style, width = ("o-", 2) if own else ("s--", 1)
            drawn = {"color": color, "label": name, "linewidth": width, "markersize": 4}
            panel.loglog(rows, seconds, style, **drawn)
        panel.set_title(stage)
        panel.set_xlabel("rows of 62,080 bits")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("ms a query, one thread")
    handles = {
        label: line
        for panel in panels
        for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="center right", fontsize=8)
    figure.tight_layout(rect=(0, 0, 0.8, 1))
    figure.savefig(DOCS / "hamming.svg", metadata={"Date": None})


def _lines(sizes: dict[str, Any], stage: str) -> dict[str, list[tuple[int, float]]]:
    """Return, by candidate, its (rows, milliseconds per query)."""
    lines = defaultdict(list)
    queries = 100 if stage.startswith("batch") else 1
    for rows, size in sizes.items():
        for name, timing in size["timings"].get(stage, {}).items():
            lines[name].append((int(rows), timing["cpu"] / queries * 1e3))
    return lines


def draw_construction(runs: dict[str, Any], theirs: list[float]) -> None:
    """Draw each signature's construction time, with the paper's times of SBS (Table 4)."""
    plt.rcParams["svg.hashsalt"] = "semsig"
    bars = {name: run["cpu"] * 1e3 for name, run in runs.items()}
    bars |= {f"the paper's SBS, {4**n} blocks": value for n, value in enumerate(theirs)}
    ordered = sorted(bars.items(), key=lambda bar: -bar[1])
    colors = [
        "tab:blue" if name.startswith(("SBS", "SBOVP")) else "tab:gray" for name, _ in ordered
    ]
    figure, panel = plt.subplots(figsize=(8, 0.27 * len(ordered) + 0.8))
    panel.barh([name for name, _ in ordered], [value for _, value in ordered], color=colors)
    panel.set_xscale("log")
    panel.set_xlabel("ms a photo, one thread, without detection, extraction and segmentation")
    panel.grid(alpha=0.3, axis="x")
    figure.tight_layout()
    figure.savefig(DOCS / "construction.svg", metadata={"Date": None})
    plt.close(figure)


def draw_pareto(rows: Sequence[dict[str, Any]]) -> None:
    """Draw accuracy against bytes per photo, one panel per data set, one colour per network."""
    plt.rcParams["svg.hashsalt"] = "semsig"
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    networks = list(dict.fromkeys(row["network"] for row in rows))
    figure, panels = plt.subplots(1, len(datasets), figsize=(10, 4), squeeze=False)
    for panel, dataset in zip(panels[0], datasets, strict=True):
        for network, color, above in zip(
            networks, ("tab:blue", "tab:orange"), (5, -12), strict=False
        ):
            some = [row for row in rows if (row["dataset"], row["network"]) == (dataset, network)]
            panel.scatter([row["bytes"] for row in some], [row["map"] for row in some], c=color)
            for row in some:
                text = f"{row['signature']}, {row['seconds'] * 1e3:.0f} ms"
                at = {"xytext": (0, above), "textcoords": "offset points", "ha": "center"}
                panel.annotate(text, (row["bytes"], row["map"]), fontsize=8, color=color, **at)
            panel.scatter([], [], c=color, label=network)
        panel.set_title(dataset)
        panel.set_xlabel("bytes per photo on disk")
        panel.set_xlim(0, 1000)
        panel.margins(y=0.12)
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("map")
    panels[0][0].legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(DOCS / "pareto.svg", metadata={"Date": None})
    plt.close(figure)
