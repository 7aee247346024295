"""Pictures of a run: its curves, and held-out photos with the label maps of teacher and network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw

from semsig.distill.samples import Sample
from semsig.durable import writing
from semsig.types import LabelMap

PANEL = (420, 240)
MARGIN = 46
TILE = 200
ROWS = 12

_INK = (40, 40, 40)
_GRID = (225, 225, 225)
_LINES = {"loss": (196, 78, 40), "agreement": (31, 99, 170), "miou": (46, 139, 87)}


def draw_curves(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw loss, agreement and mIoU against photo-views, one panel each, as a PNG.

    Parameters
    ----------
    rows : sequence of mapping
        Lines of the run's log: ``views`` and any of ``loss``, ``agreement``, ``miou``.
    path : Path
        The file to write.
    """
    width, height = PANEL
    sheet = Pictures.new("RGB", (width * len(_LINES), height), "white")
    for column, name in enumerate(_LINES):
        points = [(row["views"], row[name]) for row in rows if name in row]
        sheet.paste(_panel(name, points), (column * width, 0))
    _save(sheet, path)


def draw_samples(samples: Sequence[Sample], path: Path) -> None:
    """Draw photo, teacher and network side by side, one row per sample, as a PNG.

    Label maps are laid over the photo in the colours of their table, void in black; their classes
    are named below, most frequent first.
    """
    step = TILE + 16
    sheet = Pictures.new("RGB", (3 * TILE, max(len(samples), 1) * step), "white")
    pen = ImageDraw.Draw(sheet)
    for row, sample in enumerate(samples):
        photo = Pictures.fromarray(sample.photo).resize((TILE, TILE))
        sheet.paste(photo, (0, row * step))
        for column, label_map in enumerate((sample.teacher, sample.network), start=1):
            sheet.paste(_overlaid(photo, label_map), (column * TILE, row * step))
            caption = ", ".join(_top(label_map, 4))
            pen.text((column * TILE + 3, row * step + TILE + 2), caption, fill=_INK)
    _save(sheet, path)


def _save(sheet: Pictures.Image, path: Path) -> None:
    with writing(path) as file:
        sheet.save(file, "PNG")


def _panel(name: str, points: Sequence[tuple[float, float]]) -> Pictures.Image:
    width, height = PANEL
    panel = Pictures.new("RGB", PANEL, "white")
    pen = ImageDraw.Draw(panel)
    pen.text((MARGIN, 8), name, fill=_INK)
    if not points:
        return panel
    xs, ys = np.array(points, float).T
    x0, x1, y0, y1 = xs.min(), max(xs.max(), xs.min() + 1), ys.min(), max(ys.max(), ys.min() + 1e-6)
    across = MARGIN + (xs - x0) / (x1 - x0) * (width - MARGIN - 20)
    down = height - 34 - (ys - y0) / (y1 - y0) * (height - 34 - 30)
    for value, y in ((y0, height - 34), (y1, 30)):
        pen.line([(MARGIN, y), (width - 20, y)], fill=_GRID)
        pen.text((4, y - 6), f"{value:.3f}", fill=_INK)
    pen.text((MARGIN, height - 26), f"{x0:,.0f}", fill=_INK)
    pen.text((width - 20, height - 26), f"{x1:,.0f} views", fill=_INK, anchor="ra")
    line = list(zip(across.tolist(), down.tolist(), strict=True))
    pen.line(line, fill=_LINES[name], width=2)
    pen.circle(line[-1], 3, fill=_LINES[name])
    return panel


def _overlaid(photo: Pictures.Image, label_map: LabelMap) -> Pictures.Image:
    colors = Pictures.fromarray(label_map.colored())
    return Pictures.blend(photo, colors.resize(photo.size, Pictures.Resampling.NEAREST), 0.65)


def _top(label_map: LabelMap, count: int) -> list[str]:
    classes = label_map.classes
    known = label_map.labels[label_map.labels < len(classes)]
    pixels = np.bincount(known, minlength=len(classes))
    order = np.argsort(-pixels, kind="stable")[:count]
    return [classes.names[label] for label in order if pixels[label]]
