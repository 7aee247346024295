"""Datasets of one's own: descriptions with defaults, errors that list all, class folders."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.datasets import load_dataset
from semsig.errors import DatasetError


@pytest.fixture
def folders(tmp_path):
    """Class folders whose photos differ by colour; maps beside them."""
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "classes.txt").write_text("sky\ngrass\n")
    for label, name in enumerate(["skies", "meadows"]):
        (tmp_path / "own" / name).mkdir(parents=True)
        (tmp_path / "maps" / name).mkdir()
        for number in range(3):
            labels = np.full((16, 16), label, np.uint8)
            labels[number] = 1 - label
            PillowImage.fromarray(labels).save(tmp_path / "maps" / name / f"{number}.png")
            photo = np.array([(90, 160, 255), (60, 180, 60)], np.uint8)[labels]
            PillowImage.fromarray(photo).save(tmp_path / "own" / name / f"{number}.png")
    return tmp_path


def test_only_classes_are_needed(tmp_path):
    (tmp_path / "mine.toml").write_text('classes = ["a", "b"]')
    mine = load_dataset(tmp_path / "mine.toml")
    assert (mine.name, mine.title, mine.mode) == ("mine", "mine", "query-in-ground-truth")
    assert (mine.cutoff, mine.size, mine.layouts[0].name) == (None, 0, "class folders")


def test_a_described_dataset_is_found_in_class_folders(folders):
    (folders / "own.toml").write_text('classes = ["meadows", "skies"]\nclass_sizes = 3')
    photos = load_dataset(folders / "own.toml").scan(folders / "own")
    assert photos.classes == ("meadows", "skies")
    assert photos.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_one_error_lists_all_that_is_wrong(tmp_path):
    (tmp_path / "bad.toml").write_text(
        'mode = "disjoint"\ncutoff = "x"\ntitle = 5\nclasses = ["a", "b"]\nclass_sizes = [1]\n'
        "colour = 1\naliases = {c = ['x']}\n[[layouts]]\npattern = '('\n[[layouts]]\nname = 'n'\n"
    )
    with pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path / "bad.toml")
    lines = str(caught.value).splitlines()[1:]
    starts = ["title", "unknown: colour", "query_split", "cutoff", "class_sizes: 1 numbers for 2"]
    starts += ["aliases: c is none", "layouts, number 1", "layouts, number 2: pattern is missing"]
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(f"  - {start}")


@pytest.mark.parametrize("text", ["= 1", 'classes = "a"', "class_count = 0", "layouts = []"])
def test_wrong_descriptions_name_the_file(tmp_path, text):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(DatasetError, match=r"bad\.toml"):
        load_dataset(tmp_path / "bad.toml")


def test_class_folders_are_a_dataset(folders):
    photos = load_dataset(folders / "own").scan(folders / "own")
    assert photos.classes == ("meadows", "skies")
    assert photos.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert photos.mode == "query-in-ground-truth"


def test_one_folder_is_no_dataset(folders):
    with pytest.raises(DatasetError, match="two at least"):
        load_dataset(folders / "own" / "skies")
    with pytest.raises(DatasetError, match="wang"):
        load_dataset("nonsense")


def test_evaluating_class_folders(folders, run):
    maps = ["--labels", folders / "maps"]
    code, out, err = run("evaluate", folders / "own", *maps, "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["dataset"], result["n_queries"]) == ("own", 6)
    assert result["measures"]["map"] == 1.0
    code, _, err = run("evaluate", "wang", *maps)
    assert code == 2
    assert "--root" in err
