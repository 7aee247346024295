"""The curves of a run, and the card of its network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw

from semsig.finetune.options import FinetuneOptions
from semsig.finetune.result import FinetuneResult

_PANEL = (420, 240)
_MARGIN = 50
_INK, _GRID = (40, 40, 40), (225, 225, 225)
_LINES = {
    "loss": (196, 78, 40),
    "left_out": (31, 99, 170),
    "old": (120, 80, 160),
    "power": (46, 139, 87),
}
_TITLES = {"left_out": "map of left-out groups", "old": "map of old photos", "power": "GeM's p"}


def draw_run(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw loss, map and GeM's exponent by epoch, one panel each, as a PNG.

    Parameters
    ----------
    rows : sequence of mapping
        Lines of the run's log.
    path : Path
        The file to write.
    """
    shown = [name for name in _LINES if any(name in row for row in rows)]
    width, height = _PANEL
    sheet = Pictures.new("RGB", (width * len(shown), height), "white")
    for column, name in enumerate(shown):
        points = [(row["epoch"], row[name]) for row in rows if name in row]
        sheet.paste(_panel(name, points), (column * width, 0))
    sheet.save(path)


def _panel(name: str, points: Sequence[tuple[float, float]]) -> Pictures.Image:
    width, height = _PANEL
    panel = Pictures.new("RGB", _PANEL, "white")
    pen = ImageDraw.Draw(panel)
    pen.text((_MARGIN, 8), _TITLES.get(name, name), fill=_INK)
    xs, ys = np.array(points, float).T
    low, high = ys.min(), max(ys.max(), ys.min() + 1e-6)
    across = _MARGIN + (xs - xs.min()) / max(np.ptp(xs), 1) * (width - _MARGIN - 20)
    down = height - 34 - (ys - low) / (high - low) * (height - 64)
    for value, y in ((low, height - 34), (high, 30)):
        pen.line([(_MARGIN, y), (width - 20, y)], fill=_GRID)
        pen.text((4, y - 6), f"{value:.3f}", fill=_INK)
    pen.text((width - 20, height - 26), f"epoch {xs.max():.0f}", fill=_INK, anchor="ra")
    line = list(zip(across.tolist(), down.tolist(), strict=True))
    if len(line) > 1:
        pen.line(line, fill=_LINES[name], width=2)
    pen.circle(line[-1], 3, fill=_LINES[name])
    return panel


def model_card(
    options: FinetuneOptions,
    result: FinetuneResult,
    sha256: str,
    rows: Sequence[Mapping[str, float]],
) -> str:
    """Return the network's card as Markdown: figures, recipe, epochs."""
    figures = "\n".join(
        f"| {_TITLES[name]} | {result.before[name]:.4f} | {value:.4f} | "
        f"{value - result.before[name]:+.4f} |"
        for name, value in result.after.items()
    )
    if result.whitened is not None:
        figures += (
            f"\n| the same, whitened (`whitening.npz`) | {result.before['left_out']:.4f} | "
            f"{result.whitened:.4f} | {result.whitened - result.before['left_out']:+.4f} |"
        )
    pairs = "" if result.pairs is None else f", {result.pairs:,} hard pairs of them,"
    recipe = "\n".join(f"| {name} | {value} |" for name, value in options.recipe().items())
    epochs = "\n".join(
        f"| {row['epoch']} | {row['loss']:.4f} | {row['power']:.3f} | "
        f"{row.get('left_out', float('nan')):.4f} | {row['minutes']:.1f} |"
        for row in rows
    )
    measured = (
        "Strict mean average precision of middle squares of "
        f"{options.side} pixels, each photo left out of its own ranking:\n\n"
        f"| photos | before | after | gain |\n|---|---|---|---|\n{figures}\n"
        if figures
        else "Nothing was left out to measure on.\n"
    )
    return (
        f"# Model card: {options.backbone}, fine-tuned by semsig\n\n"
        f"Learned from {result.photos:,} photos of {result.groups:,} groups{pairs} in "
        f"{result.epochs} epochs, {result.minutes:.1f} minutes. GeM's exponent ended at "
        f"{result.power:.3f}; the row `gem` of the exported features is pooled with it.\n\n"
        f"`model.onnx`, SHA-256 `{sha256}`: `semsig evaluate FOLDER --segmenter onnx:model.onnx "
        "--signature pooled`. Its label maps are of one class, `photo`: it describes, it does not "
        "segment.\n\n"
        f"{measured}\n"
        f"| recipe | |\n|---|---|\n{recipe}\n\n"
        "| epoch | loss | p | map of left-out groups | minutes |\n|---|---|---|---|---|\n"
        f"{epochs}\n"
    )
