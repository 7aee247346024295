"""semsig pca, and indexing with what it wrote."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from semsig.cli.app import app
from semsig.engine import Engine
from semsig.signatures import Projection


@pytest.fixture
def photos(tmp_path):
    random = np.random.default_rng(0)
    for place in range(4):
        folder = tmp_path / "photos" / str(place)
        folder.mkdir(parents=True)
        for number in range(3):
            pixels = random.integers(60 * place, 60 * place + 70, (48, 64, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("pairs", [False, True])
def test_axes_are_fitted_and_photos_indexed_by_them(photos, tmp_path, pairs):
    (photos / "0" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    out, index = tmp_path / "own.npz", tmp_path / "index"
    more = ["--pairs"] if pairs else []
    done = run("pca", photos, "--out", out, "--dims", 4, "--segmenter", "lite@64", "--json", *more)
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["photos"] == 12
    assert ("learned" in facts["training"]) == pairs
    assert Projection.open(out).fingerprint == facts["fingerprint"]
    done = run("index", photos, "--index", index, "--segmenter", "lite@64", "--projection", out)
    assert done.exit_code == 0, done.output
    done = run("info", "--index", index, "--json")
    assert "4 dimensions" in json.loads(done.stdout)["signatures"]["pooled"]
    photo = photos / "2" / "1.png"
    done = run("search", photo, "--index", index, "--signature", "pooled", "--json")
    hits = json.loads(done.stdout)["hits"]
    distances = [hit["distance"] for hit in hits]
    assert len(distances) > 2
    assert distances == sorted(distances)
    engine = Engine.open(index)
    assert engine.sides["pooled"].encoder.projection.fingerprint == facts["fingerprint"]
    assert engine.search(photo, 1, signature="pooled")[0].path == str(photo)


def test_both_ways_to_whiten_are_refused(photos, tmp_path):
    assert run("pca", photos, "--out", tmp_path / "x", "--pairs", "--whiten").exit_code == 2


def test_pooling_and_coding_are_chosen(photos, tmp_path):
    index = tmp_path / "index"
    done = run("index", photos, "--index", index, "--segmenter", "lite@64", "--pool", "gem",
               "--gem-exponent", 4.5, "--projection", "none", "--coding", "float16")  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(run("info", "--index", index, "--json").stdout)["signatures"]["pooled"]
    for part in ("gem p 4.5", "1280 dimensions", "float16"):
        assert part in told


def test_two_photos_are_explained_by_their_regions(photos, tmp_path):
    a, b, out = photos / "0" / "0.png", photos / "3" / "0.png", tmp_path / "x.png"
    how = ("--signature", "pooled", "--segmenter", "lite@64")
    done = run("explain", a, b, "--out", out, *how, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["signature"] == "pooled"
    assert np.shape(told["best_in_a"]) == tuple(told["shapes"][0])
    assert told["pairs"]
    with Image.open(out) as picture:
        assert picture.size[0] > 1000
    done = run("explain", a, a, *how)
    assert done.stdout.startswith("squared L2 0.000")
