"""A photo's file is opened once, whatever is asked of it."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsig.errors import ImageError
from semsig.photo import Photo
from semsig.photo.image_files import read_image


@pytest.fixture
def path(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_digest_and_pixels_come_from_one_opening(path, monkeypatch):
    opened = []
    genuine = Path.open

    def counting(self, *args, **kwargs):
        opened.append(self)
        return genuine(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", counting)
    with Photo(path) as photo:
        record, image = photo.record, photo.image()
        assert photo.image().tobytes() == image.tobytes()
    assert opened == [path]
    assert record.size == path.stat().st_size
    assert record.is_fresh
    assert (image == read_image(path)).all()


def test_the_file_is_closed_at_the_end(path):
    with Photo(path) as photo:
        photo.record  # noqa: B018
        file = photo._file
    assert file.closed


def test_what_was_opened_is_what_is_decoded_though_the_name_moves_on(path, tmp_path):
    with Photo(path) as photo:
        before = photo.record.digest
        Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(tmp_path / "b.png")
        (tmp_path / "b.png").replace(path)
        assert photo.image().shape == (30, 40, 3)
    with Photo(path) as photo:
        assert photo.record.digest != before


@pytest.mark.parametrize("name", ["missing.jpg", "."])
def test_what_is_no_file_is_unreadable(tmp_path, name):
    with Photo(tmp_path / name) as photo, pytest.raises(ImageError) as caught:
        photo.record  # noqa: B018
    assert caught.value.reason == "unreadable"


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with Photo(tmp_path / "pipe.jpg") as photo, pytest.raises(ImageError, match="regular"):
        photo.image()
