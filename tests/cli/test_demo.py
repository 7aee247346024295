"""The demo, without and with the user's own photos."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.cli import demo, main
from semsig.cli.demo import _carried_photos, _changed
from semsig.engine import Engine
from semsig.photo.image_files import read_image


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


def folder_of_photos(folder, seeds):
    folder.mkdir()
    for seed in seeds:
        shades = np.random.default_rng(seed).integers(0, 255, (8, 8, 3)).astype(np.uint8)
        PillowImage.fromarray(shades).resize((96, 64)).save(folder / f"{seed}.jpg")
    return folder


@pytest.mark.slow
def test_own_photos_replace_those_of_an_earlier_demo(run, tmp_path):
    out = tmp_path / "out"
    for name, seeds in (("a", (0, 1)), ("b", (2, 3))):
        photos = folder_of_photos(tmp_path / name, seeds)
        code, said, err = run("--photos", photos, "--out", out, "--json")
        assert code == 0
        assert json.loads(said) == {"out": str(out), "page": str(out / "own.html")}
        assert f"Photos like {photos / f'{seeds[0]}.jpg'}" in err
    assert list(Engine.open(out / "own-index").paths) == [str(photos / f"{n}.jpg") for n in seeds]
    assert "2.jpg" in (out / "own.html").read_text("utf-8")


def test_a_folder_of_someone_else_is_left_alone(run, tmp_path):
    photos = folder_of_photos(tmp_path / "a", [0])
    notes = tmp_path / "out" / "own-index" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("x")
    code, _, err = run("--photos", photos, "--out", tmp_path / "out")
    assert code == 1
    assert "holds no index" in err
    assert [path.name for path in notes.parent.iterdir()] == ["notes.txt"]


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


def test_what_was_indexed_is_served_where_that_is_asked_for(run, tmp_path, monkeypatch):
    served = []
    monkeypatch.setattr(demo, "serve_indexes", lambda folders, port: served.append((folders, port)))
    monkeypatch.setattr(demo, "_own", lambda photos, out: out / "own.html")
    (tmp_path / "out" / "own-index").mkdir(parents=True)
    photos = folder_of_photos(tmp_path / "photos", ())
    assert run("--photos", photos, "--out", tmp_path / "out")[0] == 0
    assert served == []
    run("--photos", photos, "--out", tmp_path / "out", "--serve", "--port", 0)
    assert served == [([tmp_path / "out" / "own-index"], 0)]
