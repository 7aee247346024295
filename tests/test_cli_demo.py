"""The demo, without and with photos of one's own."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.cli import demo, main
from semsig.cli.demo import _carried_photos, _changed
from semsig.image import read_image


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["semsig", "demo", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        captured = capsys.readouterr()
        return done.value.code or 0, captured.out, captured.err

    return run


@pytest.mark.slow
def test_rendered_scenes_and_real_photos_are_searched_and_shown(run, tmp_path, monkeypatch):
    out = tmp_path / "out"
    code, said, _ = run("--out", out, "--count", 20)
    assert code == 0
    assert "map_paper" in said
    assert said.splitlines()[-1] == f"Open {out / 'photos.html'}"
    assert (out / "china-classes.png").exists()
    assert (out / "explained.png").exists()
    monkeypatch.setattr(demo, "_CARRIERS", {})
    code, said, _ = run("--out", out, "--count", 20)
    assert code == 0
    assert said.splitlines()[-1] == f"Open {out / 'scenes.html'}"
    assert (out / "scenes.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.slow
def test_own_photos(run, tmp_path):
    photos, out = tmp_path / "mine", tmp_path / "out"
    photos.mkdir()
    for number in range(3):
        shades = np.random.default_rng(number).integers(0, 255, (8, 8, 3)).astype(np.uint8)
        PillowImage.fromarray(shades).resize((96, 64)).save(photos / f"{number}.jpg")
    code, said, _ = run("--photos", photos, "--out", out)
    assert code == 0
    assert said.splitlines()[-1] == f"Open {out / 'own.html'}"
    assert (out / "own.html").exists()


def test_a_folder_without_photos_is_an_error(run, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    code, _, err = run("--photos", tmp_path / "empty", "--out", tmp_path / "out")
    assert code == 1
    assert "no photo" in err


def test_scikit_learn_carries_two_photos():
    assert {"china.jpg", "flower.jpg"} <= {path.name for path in _carried_photos()}


def test_changed_versions_differ(tmp_path):
    photo = tmp_path / "p.png"
    PillowImage.fromarray(np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)).save(photo)
    paths = _changed(photo, tmp_path / "changed")
    sizes = {path.stem: read_image(path).shape for path in paths}
    assert sizes["p-cropped"] == (32, 52, 3)
    assert sizes["p-mirrored"] == (40, 60, 3)
    assert len(paths) == 4
