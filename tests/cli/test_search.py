"""Searching from the command line by conditions, layouts, crops, mirror images and gaps."""

from __future__ import annotations

import html
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
    document = search("--has", "sky:top>=90%, HORSE:left", "--exactly")
    assert names(document) == ["left", "low"]
    assert document["matched"] == 2
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
    arguments = "search", "--has", "horse>1%, !sky", "--index", folder / "index"
    code, out, err = run(*arguments, "--exactly")
    assert (code, len(out.splitlines())) == (0, 1)
    said = "No photo of 4 meets all conditions: horse>1%, !sky."
    assert err == f"{said} Alone: horse>1% 3, !sky 0.\n"
    code, out, err = run(*arguments)
    assert (code, len(out.splitlines())) == (0, 5)
    assert err == f"{said} These come closest. Alone: horse>1% 3, !sky 0.\n"


def test_few_that_match_are_joined_by_those_that_nearly_do(search, run, folder):
    document = search("a horse on the left, sky", "-k", 4)
    assert document["words"] == "a horse on the left, sky"
    assert document["conditions"] == "horse:left, sky"
    assert document["matched"] == 2
    assert names(document)[:2] == ["left", "low"]
    assert len(names(document)) == 4
    scores = [1 - hit["distance"] for hit in document["hits"]]
    assert scores == sorted(scores, reverse=True)
    for hit in document["hits"]:
        assert "horse" in hit["sentence"]
        assert "sky" in hit["sentence"]
    assert "without the horse (left) asked for" in document["hits"][3]["sentence"]
    code, _, err = run("search", "a horse on the left, sky", "--index", folder / "index")
    assert code == 0
    assert err.startswith("2 of 4 photos meet all conditions: horse:left, sky.")


def test_words_restrict_a_layout_and_a_photo(search, folder):
    photo = folder / "photos" / "bare.jpg"
    document = search(photo, "--has", "horses", "--without", "horse:left")
    assert names(document) == ["right"]
    assert document["hits"][0]["sentence"].endswith("horse on the right; no horse (left)")


def test_a_photo_that_is_not_there_is_no_word(run, folder):
    for name in ("nowhere.jpg", "photos/nowhere", str(folder)):
        code, out, err = run("search", name, "--index", folder / "index")
        assert (code, out) == (2, "")
    code, _, err = run("search", "hores", "--index", folder / "index")
    assert code == 1
    assert "did you mean 'horse'?" in err


def test_a_page_makes_no_folders(run, folder):
    page = folder / "no" / "such" / "page.html"
    code, out, err = run("search", "horse", "--index", folder / "index", "--html", page)
    assert (code, out) == (1, "")
    assert f"{folder / 'no' / 'such'}: No such folder" in err
    assert not (folder / "no").exists()


def test_console_and_page_say_the_same(run, folder):
    page = folder / "page.html"
    arguments = ["--index", folder / "index", "--html", page, "--json"]
    for query in ([folder / "photos" / "left.jpg"], ["horse, sky"]):
        _, out, _ = run("search", *query, *arguments)
        text = html.unescape(page.read_text("utf-8"))
        for hit in json.loads(out)["hits"]:
            sentence = hit["sentence"]
            assert f"<p>{sentence[:1].upper()}{sentence[1:]}.</p>" in text
            assert f"semsig search {hit['path']} --index {folder / 'index'}</code>" in text


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
    document = search("--layout", folder / "layout.png", "-k", 4)
    assert names(document)[0] == "right"
    assert document["metric"] == "containment by class"
    for hit in document["hits"]:
        assert "horse" in hit["sentence"]
    bare = document["hits"][names(document).index("bare")]
    assert "without the horse asked for" in bare["sentence"]


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
    assert code == 0
    assert err.endswith("Wrote page.html\n")
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
