import dataclasses

import cv2
import numpy as np
import pytest

from semsig.errors import OptionError, SignatureError
from semsig.signatures.sbovp import keypoint_cache, keypoints
from semsig.signatures.sbovp.keypoint_cache import KeypointCache, detect_all
from semsig.signatures.sbovp.keypoints import KeypointOptions, load_detector
from semsig.types import Keypoints

BOTH = pytest.mark.parametrize("name", ["kaze", "surf"])


def photo(height=160, width=200, seed=0):
    """Soft blobs and sharp boxes: corners of many sizes."""
    chance = np.random.default_rng(seed)
    image = np.full((height, width, 3), 96, np.uint8)
    for _ in range(60):
        x, y = chance.integers(0, (width, height))
        color = chance.integers(0, 256, 3).tolist()
        side = int(chance.integers(4, 30))
        cv2.rectangle(image, (int(x), int(y)), (int(x) + side, int(y) + side), color, -1)
    return cv2.GaussianBlur(image, (3, 3), 0)


@BOTH
def test_finds_and_describes_the_strongest_first(name):
    image = photo()
    found = load_detector(name)(image)
    assert len(found) > 20
    assert found.size == (160, 200)
    assert (np.diff(found.responses) <= 0).all()
    assert ((found.points >= 0) & (found.points < (200, 160))).all()
    np.testing.assert_allclose(np.linalg.norm(found.descriptors, axis=1), 1, rtol=1e-4)
    assert load_detector(name)(image) == found


@BOTH
def test_a_most_and_a_threshold_leave_the_strongest(name):
    image = photo()
    every = load_detector(name)(image)
    few = load_detector(name, KeypointOptions(max_points=10))(image)
    assert few.responses.tolist() == every.responses[: len(few)].tolist()
    assert 0 < len(few) <= 10
    middle = float(np.median(every.responses))
    strong = load_detector(name, KeypointOptions(threshold=middle))(image)
    assert 0 < len(strong) < len(every)
    assert strong.responses.min() >= middle


@BOTH
@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (1, 300), (300, 1), (12, 12), (64, 64)])
def test_blank_and_tiny_photos_have_no_keypoints(name, shape):
    detector = load_detector(name)
    assert detector(np.full((*shape, 3), 200, np.uint8)) == Keypoints.none(shape)
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert detector(noise).size == shape


@BOTH
def test_large_photos_are_scaled_down_and_points_back(name):
    small = photo(128, 160)
    large = cv2.resize(small, (640, 512), interpolation=cv2.INTER_CUBIC)
    found = load_detector(name, KeypointOptions(max_side=160))(large)
    expected = load_detector(name)(small)
    assert found.size == (512, 640)
    apart = (found.points[:, None] + 0.5) / 4 - 0.5 - expected.points
    nearest = np.hypot(apart[..., 0], apart[..., 1]).min(1)
    assert np.median(nearest) < 1


def test_options_change_what_kaze_finds():
    image = photo()
    usual = load_detector("kaze")(image)
    upright = load_detector("kaze", KeypointOptions(upright=True))(image)
    assert not np.array_equal(usual.descriptors, upright.descriptors)
    assert len(load_detector("kaze", KeypointOptions(octaves=1))(image)) < len(usual)


def test_a_detector_says_what_it_is():
    surf = load_detector("surf")
    assert (surf.name, surf.options.threshold) == ("surf", 0.1)
    assert load_detector("kaze").options == KeypointOptions(threshold=0.0003)
    own = KeypointOptions(threshold=0.5)
    assert load_detector("kaze", own).options == own


@pytest.mark.parametrize(
    ("name", "value"),
    [("octaves", 0), ("octaves", 7), ("threshold", -1), ("threshold", float("nan")),
     ("max_points", 0), ("max_side", 8),
     ("octaves", 2.5), ("max_side", "400")],
)  # fmt: skip
def test_refuses_options(name, value):
    with pytest.raises(OptionError, match=name):
        KeypointOptions(**{name: value})


def test_refuses_detectors(monkeypatch):
    with pytest.raises(OptionError, match="kaze, surf"):
        load_detector("sift")
    with pytest.raises(OptionError, match="upright"):
        load_detector("surf", KeypointOptions(upright=True))
    monkeypatch.setitem(__import__("sys").modules, "mahotas.features", None)
    with pytest.raises(OptionError, match=r"\.\[surf\]"):
        load_detector("surf")


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)),
     np.zeros((0, 4, 3), np.uint8)],
)  # fmt: skip
def test_refuses_what_is_no_photo(image):
    with pytest.raises(SignatureError, match="RGB uint8"):
        load_detector("kaze")(image)


def test_reads_photos_as_they_lie_in_memory():
    image = photo()
    mirrored = image[:, ::-1]
    mirrored.flags.writeable = False
    assert load_detector("kaze")(mirrored) == load_detector("kaze")(mirrored.copy())


def test_keypoints_that_are_not_finite_are_left_out():
    points = np.array([[1, 1], [2, 2], [3, 3], [2, 1]], float)
    descriptors = np.zeros((4, 64))
    descriptors[1, 5] = np.nan
    order = keypoints._strongest(points, descriptors, np.array([1.0, 9.0, 2.0, 1.0]))
    assert order.tolist() == [2, 0, 3]


class Counting:
    """A detector that counts its calls."""

    name = "kaze"
    options = KeypointOptions()

    def __init__(self):
        self.calls = 0

    def __call__(self, image):
        self.calls += 1
        size = image.shape[:2]
        return Keypoints([[1, 2]], np.full((1, 64), image[0, 0, 0]), [0.5], size)


def test_the_cache_finds_once(tmp_path):
    detector, cache = Counting(), KeypointCache(tmp_path / "deep" / "cache")
    image = photo(8, 8)
    first = cache.detect(image, detector)
    assert cache.detect(image.copy(), detector) == first
    assert KeypointCache(cache.folder).detect(image, detector) == first
    assert detector.calls == 1
    cache.detect(image[:, ::-1], detector)
    cache.detect(image.reshape(4, 16, 3), detector)
    detector.options = dataclasses.replace(detector.options, octaves=3)
    cache.detect(image, detector)
    assert detector.calls == 4
    assert not list(cache.folder.glob("*.tmp"))


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-1], lambda b: b"", lambda b: b[:40], lambda b: b[:99] + b"?" + b[100:],
     lambda b: bytes([b[0] ^ 1]) + b[1:]],
)  # fmt: skip
def test_a_damaged_entry_is_found_again(tmp_path, damage):
    detector, cache = Counting(), KeypointCache(tmp_path)
    image = photo(8, 8)
    expected = cache.detect(image, detector)
    (entry,) = tmp_path.iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    assert cache.detect(image, detector) == expected
    assert detector.calls == 2
    assert cache.detect(image, detector) == expected
    assert detector.calls == 2


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    detector, cache = Counting(), KeypointCache(tmp_path / "file" / "cache")
    assert len(cache.detect(photo(8, 8), detector)) == 1


def test_many_photos_keep_their_order(tmp_path):
    images = [np.full((4, 4 + i, 3), i, np.uint8) for i in range(20)]
    detector, threads = Counting(), cv2.getNumThreads()
    found = list(detect_all(images, detector, cache=KeypointCache(tmp_path), workers=3))
    assert [int(each.descriptors[0, 0]) for each in found] == list(range(20))
    assert list(detect_all(iter(images), detector)) == found
    assert cv2.getNumThreads() == threads


def test_one_thread_of_opencv_a_photo():
    seen = []

    def look(image):
        seen.append(cv2.getNumThreads())
        return Keypoints.none(image.shape[:2])

    list(keypoint_cache.detect_all([photo(8, 8)], look))
    assert seen == [1]
