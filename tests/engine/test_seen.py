"""Photos asked for twice are read and segmented once, until their files change."""

import os

import numpy as np
import pytest
from PIL import Image

from semsig.engine import Engine
from semsig.engine.seen import SeenPhotos, stamp
from semsig.query import Box
from semsig.signatures import Inputs
from tests.engine.test_pooled import Describing


def paint(path, colour):
    Image.fromarray(np.full((20, 30, 3), colour, np.uint8)).save(path)
    return path


@pytest.fixture
def network():
    return Describing()


@pytest.fixture
def engine(tmp_path, network):
    photos = [paint(tmp_path / f"{number}.png", 60 * number) for number in range(4)]
    engine = Engine.create(tmp_path / "index", segmenter=network, signatures=["pooled"])
    engine.add(photos)
    network.passes = 0
    return engine


def test_a_search_its_reasons_and_its_page_share_one_pass(engine, network, tmp_path):
    query = paint(tmp_path / "query.png", 130)
    engine.search(query, signature="pooled")
    engine.signature(query)
    engine.label_map(query)
    engine.search(query, signature="sbs")
    assert network.passes == 1


def test_a_changed_file_is_read_again(engine, network, tmp_path):
    query = paint(tmp_path / "query.png", 20)
    assert engine.label_map(query).present == (0,)
    os.utime(paint(query, 220), ns=(1, 1))
    assert engine.label_map(query).present == (1,)
    assert network.passes == 2


def test_a_crop_is_not_taken_for_the_photo(engine, tmp_path):
    query = tmp_path / "query.png"
    pixels = np.full((20, 30, 3), 20, np.uint8)
    pixels[:, 15:] = 220
    Image.fromarray(pixels).save(query)

    part = engine.signatures(query, crop=Box(left=0, top=0, right=0.5, bottom=1))[0]
    assert part != engine.signature(query)
    assert part == engine.signatures(query, crop=Box(left=0, top=0, right=0.5, bottom=1))[0]


@pytest.mark.parametrize(
    "view", [{"mirrored": True}, {"crop": Box(left=0, top=0, right=0.5, bottom=1)}]
)
def test_views_by_features_need_no_pass_of_the_whole_photo(engine, network, tmp_path, view):
    engine.search(paint(tmp_path / "query.png", 130), signature="pooled", **view)
    assert network.passes == 1


def test_two_photos_are_kept_and_none_too_large(tmp_path):
    seen = SeenPhotos()
    photos = [paint(tmp_path / f"{number}.png", number) for number in range(3)]
    for photo in photos:
        seen.keep(photo, stamp(photo), Inputs(image=np.zeros((2, 2, 3), np.uint8)))
    assert [seen.get(photo) is not None for photo in photos] == [False, True, True]
    seen.keep(photos[0], stamp(photos[0]), Inputs(image=np.zeros((4096, 4096, 3), np.uint8)))
    assert seen.get(photos[0]) is None


def test_a_file_that_is_gone_is_not_given_back(tmp_path):
    seen = SeenPhotos()
    photo = paint(tmp_path / "a.png", 1)
    seen.keep(photo, stamp(photo), Inputs())
    photo.unlink()
    assert seen.get(photo) is None
    assert stamp(photo) is None
