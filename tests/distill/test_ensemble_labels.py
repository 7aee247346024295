"""Soft labels of photos, by teachers made up."""

import json

import numpy as np
import pytest
from PIL import Image

from scripts import ensemble_labels
from scripts.ensemble import VOID
from tests.distill.scenes import COLORS, NAMES


@pytest.fixture
def run(scenes, tmp_path, monkeypatch):
    """Run the command on the scenes; both teachers see colours, and note the photos they see."""
    rows = [f"{photo.name},scene" for photo in (scenes / "photos").iterdir()]
    (tmp_path / "photos.csv").write_text("\n".join(["file,category", *rows]))
    seen = []

    def teacher(path, classes):
        def look(photo):
            seen.append(path.name)
            distance = ((photo[:, :, None] - COLORS) ** 2.0).sum(3).transpose(2, 0, 1)
            nearest = distance.argmin(0) == np.arange(len(classes))[:, None, None]
            return (0.7 * nearest + 0.1).astype(np.float32)

        return look

    monkeypatch.setattr(ensemble_labels, "views_of", teacher)
    monkeypatch.setattr(ensemble_labels, "ade_network", teacher)

    def run(*more):
        labels = f"{scenes / 'labels'}@{scenes / 'classes.txt'}"
        places = [scenes / "photos", labels, tmp_path / "photos.csv", tmp_path / "out", "v", "a"]
        monkeypatch.setattr("sys.argv", ["", *map(str, places), *more])
        ensemble_labels.main()
        return tmp_path / "out"

    run.seen = seen
    return run


def test_soft_labels_are_as_all_say_and_void_is_filled(run, scenes):
    out = run()
    assert len(list((out / "soft").iterdir())) == 40
    soft = np.asarray(Image.open(out / "soft" / "003.png"))
    labels = np.asarray(Image.open(scenes / "labels" / "003.png"))[::2, ::2]
    known = labels != VOID
    assert (soft[..., 0] == labels)[known].mean() > 0.97
    assert (soft[..., :2] < len(NAMES)).all()
    assert (soft[..., 0] != soft[..., 1]).all()
    assert (soft[..., 2] > 200)[known].mean() > 0.9
    measured = json.loads((out / "measured.json").read_text())
    assert measured["views and ade150"]["agreement"] > 0.97


def test_a_run_goes_on_where_it_stopped_the_held_out_photos_first(run):
    out = run("--photos", "5")
    assert sorted(run.seen) == ["a"] * 5 + ["v"] * 5
    first = {path.stem for path in (out / "views").iterdir()}
    assert {"000", "020"} <= first  # one in twenty is held out
    run("--photos", "7")
    assert len(run.seen) == 14
    assert first < {path.stem for path in (out / "soft").iterdir()}
