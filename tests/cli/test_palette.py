"""The palette that layouts are painted with, and a layout painted with it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.query import read_layout

TABLE = ClassTable.builtin("semsig54")


def test_a_palette_has_every_colour(run, tmp_path):
    code, _, err = run("palette", "--out", tmp_path / "palette.png")
    assert (code, err) == (0, "")
    with PillowImage.open(tmp_path / "palette.png") as picture:
        colours = {colour for _, colour in picture.getcolors(1 << 24)}
    assert set(TABLE.palette) <= colours


def test_what_is_painted_with_it_is_read(run, tmp_path):
    _, out, _ = run("palette", "--json")
    colors = json.loads(out)["colors"]
    painted = np.full((8, 8, 3), 255, np.uint8)
    painted[4:] = [int(colors["horse"][place : place + 2], 16) for place in (1, 3, 5)]
    PillowImage.fromarray(painted).save(tmp_path / "layout.png")
    layout = read_layout(tmp_path / "layout.png", TABLE)
    assert set(np.unique(layout.labels)) == {TABLE.index("horse"), TABLE.void}


def test_a_palette_for_paint_programs(run, tmp_path):
    assert run("palette", "--out", tmp_path / "p.gpl", "--classes", "voc")[0] == 0
    lines = (tmp_path / "p.gpl").read_text().splitlines()
    assert lines[0] == "GIMP Palette"
    assert len(lines) == 4 + len(ClassTable.builtin("voc"))


@pytest.mark.parametrize("arguments", [["--classes", "nonsense"], ["--out", "/nope/x.png"]])
def test_wrong_palettes(run, arguments):
    assert run("palette", *arguments)[0] == 1
