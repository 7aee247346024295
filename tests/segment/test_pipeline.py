from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from semsig.classes import ClassTable
from semsig.errors import ImageError, SegmenterError
from semsig.segment import load_segmenter, segment_path, segment_paths
from semsig.types import LabelMap

CLASSES = ClassTable(f"c{i}" for i in range(200))


class Darkest:
    """A network for tests: one label per photo, its smallest value; black photos fail."""

    classes = CLASSES
    name = fingerprint = "darkest"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, image: np.ndarray) -> LabelMap:
        return self.batch([image])[0]

    def batch(self, images: list[np.ndarray]) -> list[LabelMap]:
        self.batches.append(len(images))
        if any(image.max() == 0 for image in images):
            raise SegmenterError("black")
        return [LabelMap([[int(image.min())]], CLASSES) for image in images]


@pytest.fixture
def photos(tmp_path):
    for value in range(10):
        Image.new("RGB", (3, 2), (value, 200, 200)).save(tmp_path / f"{value}.png")
    return sorted(tmp_path.iterdir())


@pytest.mark.parametrize("window", [1, 4, 10, 64])
def test_maps_come_in_order(photos, window):
    found = list(segment_paths(Darkest(), photos, window=window, workers=2))
    assert [path for path, _ in found] == photos
    assert [m.labels[0, 0] for _, m in found] == list(range(10))


def test_failures_come_as_errors_in_place(photos, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"x")
    Image.new("RGB", (3, 2)).save(tmp_path / "black.png")
    paths = [photos[3], tmp_path / "bad.png", tmp_path / "black.png", photos[4]]
    outcomes = [outcome for _, outcome in segment_paths(Darkest(), paths)]
    assert [type(outcome) for outcome in outcomes] == [
        LabelMap,
        ImageError,
        SegmenterError,
        LabelMap,
    ]
    assert outcomes[3].labels[0, 0] == 4


def test_photos_go_to_the_network_in_windows(photos):
    segmenter = Darkest()
    list(segment_paths(segmenter, photos, window=4))
    assert segmenter.batches == [4, 4, 2]


def test_paths_are_consumed_lazily(photos):
    taken = []
    source = (taken.append(path) or path for path in photos)
    next(segment_paths(Darkest(), source, window=2))
    assert len(taken) == 4


def test_no_photos():
    assert list(segment_paths(Darkest(), [])) == []


def test_label_maps_on_disk_need_no_photo(tmp_path):
    (tmp_path / "classes.txt").write_text("sky\nsea\n")
    np.save(tmp_path / "a.npy", np.array([[0, 1]]))
    segmenter = load_segmenter(f"files:{tmp_path}")
    found = dict(segment_paths(segmenter, ["x/a.jpg", "x/b.jpg"]))
    outcomes = list(found.values())
    assert outcomes[0].labels.tolist() == [[0, 1]]
    assert isinstance(outcomes[1], SegmenterError)


def test_one_path(photos):
    assert segment_path(Darkest(), str(photos[7])).labels[0, 0] == 7
    with pytest.raises(ImageError):
        segment_path(Darkest(), "missing.jpg")


def test_the_default_is_one_and_the_hrnet_has_its_name():
    from semsig.cli.options import DEFAULT_SEGMENTER as SHOWN
    from semsig.segment import DEFAULT_SEGMENTER, is_packaged

    assert SHOWN == DEFAULT_SEGMENTER
    assert load_segmenter().name == DEFAULT_SEGMENTER
    assert load_segmenter("hrnet").fingerprint == load_segmenter("embedded").fingerprint
    assert load_segmenter("hrnet@128").name == "embedded@128"
    assert is_packaged("hrnet")
