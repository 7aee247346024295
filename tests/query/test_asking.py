"""Searches of an engine by conditions, layouts, crops, mirror images, and without classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.engine import Engine
from semsig.engine.searcher import merge_nearest
from semsig.errors import OptionError, QueryError
from semsig.query import Box
from semsig.types import LabelMap

TABLE = ClassTable(["sky", "grass", "road"], palette=[(0, 0, 255), (0, 255, 0), (255, 0, 0)])


class ColourSegmenter:
    """The strongest channel is the class: blue sky, green grass, red road."""

    name = "colours"
    fingerprint = "colours 1"
    classes = TABLE

    def __call__(self, image):
        return LabelMap(np.array([2, 1, 0])[image.argmax(2)], TABLE)

    def batch(self, images):
        return [self(image) for image in images]


def scene(sky=0, road_left=0, road_right=0):
    """Sky down to a row of 40 x 44 above grass, and road at the sides, over all rows."""
    labels = np.ones((40, 44), np.uint8)
    labels[:sky] = 0
    labels[:, :road_left] = 2
    labels[:, 44 - road_right :] = 2
    return LabelMap(labels, TABLE)


SCENES = {
    "grass": scene(),
    "some_sky": scene(sky=10),
    "half_sky": scene(sky=20),
    "road_left": scene(sky=20, road_left=11),
    "road_right": scene(sky=20, road_right=11),
    "all_sky": scene(sky=40),
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name, label_map in SCENES.items():
        PillowImage.fromarray(label_map.colored()).save(folder / f"{name}.png")
    return {name: folder / f"{name}.png" for name in SCENES}


@pytest.fixture(scope="module")
def engine(photos):
    engine = Engine.create(None, segmenter=ColourSegmenter(), levels=2)
    engine.add(photos.values(), workers=1)
    return engine


def names(hits):
    return [hit.path.rpartition("/")[2].removesuffix(".png") for hit in hits]


def test_conditions_alone_rank_by_score(engine):
    hits = engine.search(None, has="sky>30%, grass")
    assert names(hits) == ["half_sky", "road_left", "road_right"]
    assert [hit.distance for hit in hits] == [1 - 0.5 * 0.5, *[1 - 0.375 * 0.375] * 2]
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert names(engine.search(None, 1, has=["sky>30%", "grass"])) == ["half_sky"]


def test_conditions_that_nothing_meets_find_nothing(engine, photos):
    assert engine.search(None, has="road>90%") == []
    assert engine.search(photos["grass"], has="road>90%") == []


def test_conditions_restrict_a_search(engine, photos):
    everything = engine.search(photos["half_sky"])
    found = engine.search(photos["half_sky"], has="road")
    assert names(found) == ["road_left", "road_right"]
    distance = {hit.id: hit.distance for hit in everything}
    assert all(distance[hit.id] == hit.distance for hit in found)
    assert names(engine.search(photos["half_sky"], has="road:right")) == ["road_right"]


def test_without_takes_classes_out_of_the_query_and_the_hits(engine, photos):
    hits = engine.search(photos["road_left"], without="road", exclude_self=True)
    assert names(hits)[0] == "half_sky"
    assert "road_right" not in names(hits)
    (asked,) = engine.signatures(photos["road_left"], without="road")
    assert not (asked.labels == 2).any()
    assert names(engine.search(photos["road_left"], 1, without="road:left")) == ["half_sky"]
    assert names(engine.search(None, without=["sky", "road"])) == ["grass"]


@pytest.mark.parametrize("absent", ["road<5%", "!road"])
def test_without_takes_what_could_be_there(engine, photos, absent):
    with pytest.raises(QueryError, match="Expected what is to be left out"):
        engine.search(photos["grass"], without=absent)


def test_a_mirrored_search_finds_the_mirror_image(engine, photos):
    plain = engine.search(photos["road_left"])
    assert names(plain)[0] == "road_left"
    assert plain[0].distance == 0
    assert next(hit for hit in plain if "road_right" in hit.path).distance > 0
    both = engine.search(photos["road_left"], mirrored=True)
    assert names(both)[:2] == ["road_left", "road_right"]
    assert [hit.distance for hit in both[:2]] == [0, 0]
    other = engine.search(photos["road_right"], mirrored=True)
    assert names(other)[:2] == ["road_left", "road_right"]
    assert names(engine.search(photos["road_left"], mirrored=True, has="road:left")) == [
        "road_left"
    ]


def test_a_crop_searches_for_a_part(engine, photos):
    top = Box.parse("0,0,100%,50%")
    hits = engine.search(photos["half_sky"], 1, crop=top)
    assert names(hits) == ["all_sky"]
    assert hits[0].distance == 0
    again = engine.search(photos["all_sky"], 6, crop=top, exclude_self=True)
    assert "all_sky" not in names(again)


def test_a_layout_with_void_is_searched_for(engine):
    labels = np.full((40, 44), TABLE.void, np.uint8)
    labels[:, 33:] = 2
    assert names(engine.search(LabelMap(labels, TABLE), 1)) == ["road_right"]


def test_searches_need_something_to_search_for(engine, photos):
    with pytest.raises(QueryError, match="a photo, a layout, or conditions"):
        engine.search(None)
    with pytest.raises(QueryError, match="Expected a class"):
        engine.search(photos["grass"], has="")
    with pytest.raises(OptionError):
        engine.search(None, 0, has="sky")
    with pytest.raises(QueryError, match="crop is a Box"):
        engine.search(photos["grass"], crop="0,0,1,1")


@given(st.data(), st.integers(1, 6), st.integers(1, 7))
def test_the_nearest_to_several_queries_merge_exactly(data, n_rows, k):
    line = st.lists(st.integers(0, 4), min_size=n_rows, max_size=n_rows)
    distances = np.array(data.draw(st.lists(line, min_size=1, max_size=3)), np.int32)
    ids = np.array(data.draw(st.permutations(range(n_rows))), np.int64)
    rows = np.argsort(distances, axis=1, kind="stable")
    padding = ((0, 0), (0, max(0, k - n_rows)))
    nearest = np.pad(np.take_along_axis(distances, rows, 1), padding, constant_values=-1)[:, :k]
    found = np.pad(ids[rows], padding, constant_values=-1)[:, :k]
    least = distances.min(0)
    expected = np.argsort(least, kind="stable")[:k]
    merged = merge_nearest(nearest, found, ids)[:k]
    assert merged == [(least[row], ids[row]) for row in expected]
