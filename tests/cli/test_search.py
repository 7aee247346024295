"""Searching from the command line by conditions, layouts, crops, mirror images and gaps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.classes import ClassTable

TABLE = ClassTable(["sky", "grass", "horse"])


@pytest.fixture
def folder(tmp_path, run):
    """Four photos of sky over grass: bare, and with a horse on the left, the right, and below."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "classes.txt").write_text("\n".join(TABLE.names))
    horses = {"bare": (), "left": np.s_[8:24, :8], "right": np.s_[8:24, 24:], "low": np.s_[28:, :]}
    for name, horse in horses.items():
        labels = np.repeat([0, 1], 16)[:, None] * np.ones((1, 32), int)
        if horse:
            labels[horse] = 2
        PillowImage.fromarray(labels.astype(np.uint8)).save(tmp_path / "maps" / f"{name}.png")
        photo = np.array([(90, 160, 255), (60, 180, 60), (120, 70, 20)], np.uint8)[labels]
        PillowImage.fromarray(photo).save(tmp_path / "photos" / f"{name}.jpg")
    arguments = tmp_path / "photos", "--index", tmp_path / "index"
    assert run("index", *arguments, "--segmenter", f"files:{tmp_path / 'maps'}")[0] == 0
    return tmp_path


@pytest.fixture
def search(run, folder):
    """Search, and return the document that was printed."""

    def search(*arguments):
        code, out, err = run("search", *arguments, "--index", folder / "index", "--json")
        assert (code, err) == (0, "")
        return json.loads(out)

    return search


def names(document):
    return [Path(hit["path"]).stem for hit in document["hits"]]


def test_conditions_alone_rank(search):
    document = search("--has", "sky:top>=90%, HORSE:left")
    assert names(document) == ["left", "low"]
    assert document["query"] is None
    assert document["metric"] is None
    assert document["conditions"] == "sky:top>=90%, horse:left"
    assert document["hits"][0]["bits"] is None
    assert "horse" in document["hits"][0]["sentence"]


def test_conditions_restrict(search, folder):
    photo = folder / "photos" / "bare.jpg"
    document = search(photo, "--has", "horse", "--has", "!horse:left")
    assert names(document) == ["right"]


def test_where_nothing_is_found_each_condition_is_counted(run, folder):
    code, out, err = run("search", "--has", "horse>1%, !sky", "--index", folder / "index")
    assert (code, len(out.splitlines())) == (0, 1)
    assert err == "No photo meets all conditions. Alone: horse>1% 3, !sky 0.\n"


def test_without_a_class(search, folder):
    document = search(folder / "photos" / "left.jpg", "--without", "horse")
    assert names(document) == ["bare"]
    assert document["conditions"] == "!horse"


def test_a_mirror_image_is_as_near_as_the_photo(search, folder):
    document = search(folder / "photos" / "left.jpg", "--mirrored", "-k", 1)
    assert names(document) == ["right"]
    assert (document["hits"][0]["distance"], document["hits"][0]["bits"]) == (0, 0)
    assert search(folder / "photos" / "left.jpg", "-k", 4)["hits"][0]["distance"] > 0


def test_reranked_hits_are_the_same_photos(search, folder):
    plain = search(folder / "photos" / "left.jpg")
    document = search(folder / "photos" / "left.jpg", "--rerank")
    assert (plain["rerank"], document["rerank"]) == (False, True)
    assert sorted(names(document)) == sorted(names(plain))
    distances = [hit["distance"] for hit in document["hits"]]
    assert distances == sorted(distances)
    assert 0 <= distances[0] <= distances[-1] <= 1


def test_an_expanded_search_finds_the_same_photos(search, folder):
    document = search(folder / "photos" / "left.jpg", "--expand")
    assert (document["rerank"], document["expand"]) == (False, True)
    assert sorted(names(document)) == sorted(names(search(folder / "photos" / "left.jpg")))
    distances = [hit["distance"] for hit in document["hits"]]
    assert distances == sorted(distances)


def test_a_search_is_reranked_or_expanded(run, folder):
    code, _, err = run(
        "search", folder / "photos" / "left.jpg", "--rerank", "--expand", "--index", "index"
    )
    assert code == 2
    assert "not both" in err


def test_a_crop_is_searched_for(search, folder):
    document = search(folder / "photos" / "low.jpg", "--crop", "0,0,100%,87.5%", "-k", 1)
    assert names(document) == ["bare"]
    assert document["crop"] == "0,0,100%,87.5%"


def test_a_painted_layout_is_searched_for(search, folder):
    painted = np.zeros((16, 16, 4), np.uint8)
    painted[4:12, 12:] = (*TABLE.palette[2], 255)
    PillowImage.fromarray(painted).save(folder / "layout.png")
    assert names(search("--layout", folder / "layout.png", "-k", 1)) == ["right"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--has", "horse"],
        ["photos/left.jpg", "--mirrored"],
        ["photos/left.jpg", "--rerank"],
        ["photos/left.jpg", "--expand"],
        ["photos/left.jpg", "--crop", "0,0,0.5,1", "--without", "horse"],
        ["--layout", "layout.png", "--has", "sky"],
    ],
)
def test_every_search_has_a_page(run, folder, arguments, monkeypatch):
    monkeypatch.chdir(folder)
    painted = np.full((8, 8, 3), TABLE.palette[0], np.uint8)
    PillowImage.fromarray(painted).save("layout.png")
    code, out, err = run("search", *arguments, "--index", "index", "--html", "page.html")
    assert (code, err) == (0, "Wrote page.html\n")
    page = Path("page.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count('class="card"') == len(out.splitlines()) - 1 > 0


def test_a_page_of_conditions_is_escaped_and_names_what_is_gone(run, folder):
    (folder / "photos" / "left.jpg").unlink()
    (folder / "maps" / "left.png").unlink()
    page = folder / "page.html"
    arguments = "--index", folder / "index", "--html", page
    assert run("search", "--has", "horse>1%", *arguments)[0] == 0
    text = page.read_text("utf-8")
    assert "horse&gt;1%" in text
    assert "cannot be shown" in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--mirrored", "--has", "sky"],
        ["--rerank", "--has", "sky"],
        ["--expand", "--has", "sky"],
        ["--crop", "0,0,1,1"],
        ["photos/left.jpg", "--layout", "photos/left.jpg"],
    ],
)
def test_wrong_usage_is_2(run, folder, arguments, monkeypatch):
    monkeypatch.chdir(folder)
    code, out, err = run("search", *arguments, "--index", "index")
    assert (code, out) == (2, "")
    assert "--layout" in err


def test_what_cannot_be_understood_is_1_and_marked(run, folder):
    code, out, err = run("search", "--has", "sky, hors", "--index", folder / "index")
    assert (code, out) == (1, "")
    assert "did you mean 'horse'?" in err
    assert err.endswith("\n  sky, hors\n       ^^^^\n")
