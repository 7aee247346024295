import json

import numpy as np
import pytest
from PIL import Image as PillowImage

from tests.explain.test_geometry import picture, warped


@pytest.fixture
def index(tmp_path, run):
    (tmp_path / "photos").mkdir()
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "classes.txt").write_text("a\nb\n")
    images = {"a": picture(0), "b": picture(1), "c": warped(picture(0))}
    for name, image in images.items():
        PillowImage.fromarray(image).save(tmp_path / "photos" / f"{name}.png")
        # by blocks, b is as a, and c is not
        labels = np.full((30, 40), int(name == "c"), np.uint8)
        PillowImage.fromarray(labels).save(tmp_path / "maps" / f"{name}.png")
    options = ["--index", tmp_path / "index", "--segmenter", f"files:{tmp_path / 'maps'}"]
    code, _, err = run("index", tmp_path / "photos", *options)
    assert code == 0, err
    return tmp_path, options


def test_geometry_puts_the_same_thing_first(index, run):
    folder, options = index
    arguments = ["search", folder / "photos" / "a.png", *options, "-k", "1", "--json"]
    _, out, _ = run(*arguments)
    assert json.loads(out)["hits"][0]["path"].endswith("b.png")
    code, out, err = run(*arguments, "--geometry", "2")
    assert code == 0, err
    document = json.loads(out)
    (hit,) = document["hits"]
    assert hit["path"].endswith("c.png")
    assert hit["rank"] == 1
    assert document["inliers"][0] > 20
    assert "fit one homography" in hit["sentence"]


@pytest.mark.parametrize("way", ["reciprocal", "expand", "augment", "diffuse"])
def test_every_way_ranks_anew(index, run, way):
    folder, options = index
    code, out, err = run("search", folder / "photos" / "a.png", *options, "--rerank-by", way)
    assert code == 0, err
    assert len(out.splitlines()) == 3
    code, _, err = run("search", folder / "photos" / "a.png", *options, "--rerank-by", way,
                       "--expand")  # fmt: skip
    assert code == 2
    assert "not both" in err


def test_explain_draws_the_matches(index, run):
    folder, options = index
    pair = [folder / "photos" / name for name in ("a.png", "c.png")]
    target = folder / "matches.png"
    code, _, err = run("explain", *pair, *options[2:], "--matches", target)
    assert code == 0, err
    assert "fit one homography" in err
    with PillowImage.open(target) as drawn:
        assert drawn.width > 1000
    code, _, err = run("search", *options, "--has", "a", "--geometry", "3")
    assert code == 2
    assert "--geometry needs a photo" in err
