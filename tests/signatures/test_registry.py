"""Signatures and segmenters of other packages work in all of semsig."""

import json

import numpy as np
import pytest
from PIL import Image

from semsig import Engine, load_segmenter, load_signature
from semsig.engine import verify_photos
from semsig.errors import OptionError, QueryError, SegmenterError
from semsig.evaluate import evaluate
from semsig.search.fusion import FusionOptions
from semsig.signatures import signature_names
from semsig.signatures.registry import GROUP

POINTS = f"""[{GROUP}]
colour = tests.signatures.toy:COLOUR
gone = tests.signatures.toy:NOTHING
other = tests.signatures.toy:COLOUR
sbs = tests.signatures.toy:COLOUR

[semsig.segmenters]
brightness = tests.signatures.toy:load_brightness
gone = tests.signatures.toy:nothing
"""
COLOURS = [(250, 10, 10), (240, 30, 10), (10, 250, 10), (10, 10, 250), (120, 120, 120)]


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """A package on the path with a signature and a segmenter of its own."""
    facts = tmp_path / "site" / "toy-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(tmp_path / "site")
    load_signature.cache_clear()
    yield
    load_signature.cache_clear()


@pytest.fixture
def photos(tmp_path):
    paths = [tmp_path / "photos" / f"{number}.png" for number in range(len(COLOURS))]
    paths[0].parent.mkdir()
    for path, colour in zip(paths, COLOURS, strict=True):
        Image.fromarray(np.full((20, 30, 3), colour, np.uint8)).save(path)
    return paths


@pytest.fixture
def engine(tmp_path, photos):
    engine = Engine.create(tmp_path / "index", segmenter="brightness", levels=1)
    engine.add_signature("colour", steps=128)
    engine.add(photos)
    return engine


def names(hits):
    return [hit.path.rpartition("/")[2] for hit in hits]


def test_the_registry_names_it():
    assert signature_names()[:3] == ("sbs", "sbovp", "pooled")
    assert "colour" in signature_names()
    assert load_signature("colour").title == "mean colours"
    assert load_signature("sbs").title == "blocks of classes"


def test_what_cannot_be_loaded_is_named():
    with pytest.raises(OptionError, match=r"signature of sbs, sbovp, pooled.*colour"):
        load_signature("shape")
    with pytest.raises(OptionError, match="toy:NOTHING cannot be loaded"):
        load_signature("gone")
    with pytest.raises(OptionError, match="named 'other', got 'colour'"):
        load_signature("other")
    with pytest.raises(SegmenterError, match=r"No segmenter 'dark'.*brightness"):
        load_segmenter("dark")
    with pytest.raises(SegmenterError, match="toy:nothing cannot be loaded"):
        load_segmenter("gone")


def test_the_engine_indexes_searches_and_explains_by_it(engine, photos):
    hits = engine.search(photos[0], 3, signature="colour")
    assert names(hits)[:2] == ["0.png", "1.png"]
    assert (hits[1].distance, hits[1].metric) == (30, "L1")
    why = engine.explain(photos[0], photos[2], signature="colour")
    assert why.sentence == "the first and the second are 480 steps of colour apart"
    with pytest.raises(QueryError, match="Expected a photo"):
        engine.search(engine.label_map(photos[0]), signature="colour")


def test_it_is_kept_followed_and_verified(engine, photos):
    Image.fromarray(np.full((20, 30, 3), (9, 9, 9), np.uint8)).save(photos[1])
    assert engine.add(photos).replaced == 1
    opened = Engine.open(engine.index.path, segmenter="brightness")
    assert opened.info().signatures == {"colour": "mean colours in 128 steps"}
    assert names(opened.search(photos[1], 1, signature="colour")) == ["1.png"]
    opened.remove(photos[:1])
    assert len(opened.sides["colour"]) == 4
    assert verify_photos(engine.index.path).ok
    values, *_ = (engine.index.path / "colour").glob("segment-*.values.npy")
    values.write_bytes(values.read_bytes()[:-1] + b"\xff")
    [damage] = verify_photos(engine.index.path).damaged
    assert damage.file == f"colour/{values.name}"


def test_it_is_fused_with_others(engine, photos):
    fusion = FusionOptions(shares={"sbs": 1, "colour": 3})
    hits = engine.search(photos[0], 5, signature=fusion)
    blocks, colours = (
        {hit.id: hit.distance for hit in engine.search(photos[0], 5, signature=one, metric=metric)}
        for one, metric in (("sbs", "tanimoto-idf"), ("colour", None))
    )
    for hit in hits:
        expected = 0.25 * blocks[hit.id] + 0.75 * colours[hit.id] / 765
        assert hit.distance == pytest.approx(expected, abs=1e-6)


def test_benchmarks_are_measured_by_it(tmp_path):
    root = tmp_path / "wang"
    root.mkdir()
    for number in range(1000):
        colour = (25 * (number // 100), 250 - 25 * (number // 100), 9)
        Image.fromarray(np.full((4, 6, 3), colour, np.uint8)).save(root / f"{number}.jpg")
    found = evaluate("wang", root, segmenter="brightness", signature="colour")
    assert found.measures["map"] == 1
    assert found.settings["metric"] == "L1"
    assert found.settings["steps"] == 256


def test_commands_know_it(tmp_path, photos, run):
    index = tmp_path / "new"
    arguments = photos[0].parent, "--index", index, "--segmenter", "brightness"
    assert run("index", *arguments, "--signature", "colour")[0] == 0
    asked = photos[0], "--index", index, "--segmenter", "brightness", "--signature", "colour"
    code, out, _ = run("search", *asked, "--json")
    assert code == 0
    assert json.loads(out)["hits"][0]["metric"] == "L1"
    assert "colour     mean colours in 256 steps" in run("info", "--index", index)[1]
    code, _, err = run("search", *asked[:-1], "shape")
    assert code == 2
    assert "colour" in err
