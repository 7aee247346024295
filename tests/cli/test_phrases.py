"""Visual phrases from the command line: words learned, photos indexed, searched and explained."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.signatures import Vocabulary

TABLE = ClassTable(["sky", "grass"])
SIDE = 80


@pytest.fixture
def folder(tmp_path):
    """Four photos full of boxes, in two folders, each with a map of sky over grass."""
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "classes.txt").write_text("\n".join(TABLE.names))
    labels = np.repeat([0, 1], SIDE // 2)[:, None] * np.ones((1, SIDE), int)
    for number in range(4):
        rng = np.random.default_rng(number)
        image = np.full((SIDE, SIDE, 3), 128, np.uint8)
        for y, x in rng.integers(0, SIDE - 10, (20, 2)):
            image[y : y + rng.integers(4, 10), x : x + rng.integers(4, 10)] = rng.integers(256)
        place = tmp_path / "photos" / ("even" if number % 2 == 0 else "odd")
        place.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(image).save(place / f"{number}.png")
        PillowImage.fromarray(labels.astype(np.uint8)).save(tmp_path / "maps" / f"{number}.png")
    return tmp_path


@pytest.fixture
def index(folder, run):
    arguments = folder / "photos", "--index", folder / "index", "--signature", "sbs,sbovp"
    code, _, err = run("index", *arguments, "--segmenter", f"files:{folder / 'maps'}")
    assert (code, err) == (0, "")
    return folder / "index"


def test_words_are_learned_and_used(folder, run):
    words = folder / "words.npz"
    cache = folder / "kept"
    arguments = folder / "photos", "--out", words, "--words", 7, "--cache", cache
    code, out, _ = run("vocab", *arguments, "--json")
    document = json.loads(out)
    assert (code, document["words"], document["photos"]) == (0, 7, 4)
    assert document["fingerprint"] == Vocabulary.open(words).fingerprint
    assert len(list(cache.iterdir())) == 4
    arguments = folder / "photos", "--index", folder / "index", "--signature", "sbs,sbovp"
    maps = f"files:{folder / 'maps'}"
    options = "--vocabulary", words, "--phrase-length", 3, "--phrase-space", "picture"
    assert run("index", *arguments, "--segmenter", maps, *options)[0] == 0
    _, out, _ = run("info", "--index", folder / "index")
    assert "L=7 n=3" in out
    assert "picture" in out


def test_files_that_are_no_photos_are_named_and_left_out(folder, run):
    (folder / "photos" / "broken.png").write_bytes(b"\x89PNG broken")
    code, out, err = run("vocab", folder / "photos", "--out", folder / "words.npz", "--words", 3)
    assert code == 0
    assert "3 words from" in out
    assert "broken.png" in err


def test_more_words_than_keypoints_are_refused(folder, run):
    code, _, err = run("vocab", folder / "photos", "--out", folder / "w.npz", "--words", 60_000)
    assert code == 1
    assert "60000" in err.replace(",", "")
    assert not (folder / "w.npz").exists()


@pytest.mark.parametrize("signature", ["sbovp", "fused"])
def test_search_by_phrases(folder, index, run, signature):
    photo = folder / "photos" / "even" / "2.png"
    asked = photo, "--index", index, "--signature", signature, "--include-self", "--json"
    code, out, err = run("search", *asked)
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["signature"], document["metric"]) == (
        signature,
        {"sbovp": "L2"}.get(signature, signature),
    )
    assert document["hits"][0]["path"] == str(photo)
    assert len(document["hits"]) == 4


def test_an_index_without_phrases_says_how_to_get_them(folder, run):
    plain = folder / "photos", "--index", folder / "index"
    assert run("index", *plain, "--segmenter", f"files:{folder / 'maps'}")[0] == 0
    photo = folder / "photos" / "even" / "0.png"
    asked = photo, "--index", folder / "index", "--signature", "sbovp"
    code, _, err = run("search", *asked)
    assert code == 1
    assert "--signature sbs,sbovp" in err
    assert run("index", *plain, "--signature", "sbs,sbovp")[0] == 0
    assert run("search", *asked)[0] == 0


@pytest.mark.parametrize("names", ["fused", "sbs,colour", "", "sbovp"])
def test_index_takes_blocks_with_or_without_phrases(folder, run, names):
    arguments = folder / "photos", "--index", folder / "index", "--signature", names
    code, _, err = run("index", *arguments, "--segmenter", f"files:{folder / 'maps'}")
    refused = names not in ("", "sbovp")
    assert (code, "Expected --signature sbs" in err) == ((2, True) if refused else (0, False))


@pytest.mark.parametrize(
    ("option", "value"),
    [("--vocabulary", "nowhere.npz"), ("--vocabulary", "kaze-7"), ("--phrase-norm", "l3")],
)
def test_options_out_of_range_leave_no_phrases(folder, run, option, value):
    arguments = folder / "photos", "--index", folder / "index", "--signature", "sbs,sbovp"
    maps = f"files:{folder / 'maps'}"
    code, _, err = run("index", *arguments, "--segmenter", maps, option, value)
    assert code == 1
    assert value.removeprefix("kaze-") in err
    assert not (folder / "index" / "sbovp").exists()


def test_upkeep_covers_phrases(folder, index, run):
    code, out, _ = run("verify", "--index", index, "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    (index / "sbovp" / "vocabulary.npz").write_bytes(b"broken")
    code, _, err = run("verify", "--index", index)
    assert code == 4
    assert "sbovp/vocabulary.npz" in err


def test_explained_by_phrases(folder, index, run):
    pair = folder / "photos" / "even" / "0.png", folder / "photos" / "even" / "2.png"
    picture = folder / "out" / "pair.png"
    options = "--segmenter", f"files:{folder / 'maps'}", "--phrases", "--out", picture
    code, out, _ = run("explain", *pair, *options)
    assert code == 0
    assert "phrases shared, of" in out
    with PillowImage.open(picture) as drawn:
        plain_height = drawn.height
    code, out, _ = run("explain", *pair, *options[:2], "--out", picture, "--json")
    assert "phrases_shared" not in json.loads(out)
    with PillowImage.open(picture) as drawn:
        assert drawn.height < plain_height


BENCHMARK = """
name = "boxes"
title = "Boxes"
reference = "nobody"
licence = "none"
source = "nowhere"
mode = "query-in-ground-truth"
cutoff = "class size"
classes = ["even", "odd"]
class_sizes = "any"
query_sizes = "any"
database_split = ""
query_split = ""
[[layouts]]
name = "folders"
pattern = '(?P<class>[^/]+)/(?P<file>[^/]+)\\.png'
"""


@pytest.mark.parametrize("signature", ["sbovp", "fused"])
def test_evaluate_by_phrases(folder, run, signature):
    (folder / "boxes.toml").write_text(BENCHMARK)
    arguments = folder / "boxes.toml", "--root", folder / "photos", "--labels", folder / "maps"
    options = "--signature", signature, "--cache", folder / "kept", "--phrase-length", 3
    code, out, err = run("evaluate", *arguments, *options, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["n_queries"] == 4
    assert found["settings"]["signature"] == signature
    assert found["settings"]["length"] == 3
    assert len(list((folder / "kept").iterdir())) == 4
    assert 0 < found["measures"]["map"] <= 1


@pytest.mark.parametrize(
    ("signature", "compared"),
    [
        ("sbovp", "/maps, sbovp, 5 kaze words, phrases of 2, L2"),
        ("fused", "/maps, fused, n = 3, 5 kaze words, phrases of 2"),
    ],
)
def test_evaluate_says_what_it_compared(folder, run, signature, compared):
    (folder / "boxes.toml").write_text(BENCHMARK)
    arguments = folder / "boxes.toml", "--root", folder / "photos", "--labels", folder / "maps"
    code, out, _ = run("evaluate", *arguments, "--signature", signature)
    assert code == 0
    first = out.splitlines()[0]
    assert "4 queries, 4 photos searched" in first
    assert first.endswith(compared)


@pytest.mark.parametrize("signature", ["sbovp", "fused", "pooled"])
def test_a_metric_beside_another_signature_is_refused(folder, index, run, signature):
    (folder / "boxes.toml").write_text(BENCHMARK)
    asked = "--signature", signature, "--metric", "hamming"
    photo = folder / "photos" / "even" / "2.png"
    searched = run("search", photo, "--index", index, *asked)
    boxes = folder / "boxes.toml", "--root", folder / "photos", "--labels", folder / "maps"
    for code, _, err in (searched, run("evaluate", *boxes, *asked)):
        assert code == 1
        assert f"with signature '{signature}'" in err


def test_evaluate_refuses_levels_of_phrases(folder, run):
    (folder / "boxes.toml").write_text(BENCHMARK)
    arguments = folder / "boxes.toml", "--root", folder / "photos", "--labels", folder / "maps"
    code, _, err = run("evaluate", *arguments, "--signature", "sbovp", "--pyramid")
    assert code == 1
    assert "no pyramid of visual phrases" in err
