"""Folders with links, ignored files and label maps, by the command line."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    """Photos in sub-folders, one of them linked, with label maps."""
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "classes.txt").write_text("sky\ngrass\n")
    for number, name in enumerate(("p/a.jpg", "p/sub/b.PNG", "p/out/c.jpg", "other/d.jpg")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (number, 9, 9)).save(path)
        labels = np.full((16, 16), number % 2, np.uint8)
        Image.fromarray(labels).save(tmp_path / "maps" / f"{path.stem}_mask.png")
    (tmp_path / "p" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "p" / "sub" / "loop").symlink_to(tmp_path / "p")
    (tmp_path / "p" / ".semsigignore").write_text("out/\n")
    return tmp_path


def index(folder, run, *more):
    segmenter = "--segmenter", f"files:{folder / 'maps'}"
    return run("index", folder / "p", "--index", folder / "ix", *segmenter, *more)


def test_what_was_passed_over_is_said(folder, run):
    code, out, err = index(folder, run)
    assert (code, out.split(" added")[0]) == (0, "2")
    assert f"not followed, --follow-links reads them: {folder / 'p/link'}" in err
    assert f"leading back to a folder above: {folder / 'p/sub/loop'}" in err
    assert "0 photos and 1 folder left out by --exclude or .semsigignore" in err


def test_links_are_followed_on_request(folder, run):
    code, out, err = index(folder, run, "--follow-links", "--json", "--strict")
    assert (code, json.loads(out)["added"]) == (0, 3)
    assert "--follow-links" not in err
    assert "loop" in err


def test_a_long_name_skips_one_photo_not_the_run(folder, run):
    long = folder / "p" / ("x" * 246 + ".jpg")
    long.write_bytes((folder / "p" / "a.jpg").read_bytes())
    labels = (folder / "maps" / "a_mask.png").read_bytes()
    (folder / "maps" / f"{long.stem}.png").write_bytes(labels)
    segmenter = "--segmenter", f"files:{folder / 'maps'}"
    code, out, _ = run("segment", folder / "p", "--out", folder / "out", *segmenter, "--json")
    found = json.loads(out)
    assert (code, len(found["written"]), len(found["skipped"])) == (0, 2, 1)
    assert found["skipped"][0]["reason"] == "unwritable"
    assert run("segment", folder / "p", "--out", folder / "o2", *segmenter, "--strict")[0] == 3
    code, out, _ = index(folder, run, "--json")
    assert json.loads(out)["added"] == 3


@pytest.mark.parametrize("n_letters", [256, 5000])
def test_a_name_that_no_disk_holds_is_skipped(folder, n_letters):
    from semsig import Engine

    engine = Engine.create(None, segmenter=f"files:{folder / 'maps'}", levels=1)
    report = engine.add([folder / "p" / ("x" * n_letters + ".jpg"), folder / "p" / "a.jpg"])
    assert (report.added, report.skipped_by_reason) == (1, {"unreadable": 1})


def test_label_maps_numbered_otherwise_are_told(folder, run):
    (folder / "maps" / "classes.txt").unlink()
    segmenter = "--segmenter", f"files:{folder / 'maps'}@ade20k"
    code, _, err = run("index", folder / "p", "--index", folder / "ade", *segmenter)
    assert code == 0
    assert "@ade20k-mmseg (0 = wall). Name one to be sure." in err


def test_help_says_what_numbers_mean(run):
    for command in ("index", "evaluate", "segment"):
        text = " ".join(run(command, "--help")[1].replace("│", " ").split())
        assert "@ade20k means ADE20K's own numbers (0 = unlabelled)" in text
