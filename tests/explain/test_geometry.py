import cv2
import numpy as np
import pytest

from semsig.errors import OptionError
from semsig.explain.geometry import GeometryOptions, local_features, match

TURN = np.array([[0.8, -0.25, 60], [0.3, 0.75, -10], [0.0002, 0.0001, 1]])


def picture(seed=0, size=(300, 400)):
    """Blobs of all sizes: keypoints everywhere, none alike."""
    rng = np.random.default_rng(seed)
    image = np.full((*size, 3), 128, np.uint8)
    for _ in range(160):
        x, y = (int(v) for v in rng.integers(0, (size[1], size[0])))
        color = tuple(int(v) for v in rng.integers(0, 256, 3))
        cv2.circle(image, (x, y), int(rng.integers(3, 22)), color, -1, cv2.LINE_AA)
    return image


def warped(image, homography=TURN):
    return cv2.warpPerspective(image, homography, (image.shape[1], image.shape[0]))


def moved(points, homography):
    homogeneous = np.c_[points, np.ones(len(points))] @ homography.T
    return homogeneous[:, :2] / homogeneous[:, 2:]


@pytest.mark.parametrize("detector", ["sift", "kaze"])
@pytest.mark.parametrize("side", [512, 200])
def test_inliers_lie_where_the_homography_puts_them(detector, side):
    options = GeometryOptions(detector=detector, max_side=side)
    image = picture()
    found = match(*(local_features(each, options) for each in (image, warped(image))), options)
    assert found.inliers >= 20
    off = np.linalg.norm(moved(found.pairs[:, 0], TURN) - found.pairs[:, 1], axis=1)
    # a pixel of the scaled photo is 400 / side of its own
    assert np.median(off) < 1.0 * max(1, 400 / side)
    assert off.max() < 4.5 * max(1, 400 / side)
    assert f"{found.inliers} of" in found.sentence


def test_other_photos_have_no_geometry_in_common():
    options = GeometryOptions()
    features = [local_features(picture(seed), options) for seed in (0, 1)]
    found = match(*features, options)
    assert found.inliers == 0
    assert "no geometry" in found.sentence


def test_a_mirror_image_is_another_thing():
    options = GeometryOptions()
    image = picture()
    mirrored = np.ascontiguousarray(image[:, ::-1])
    found = match(*(local_features(each, options) for each in (image, mirrored)), options)
    assert found.inliers == 0


def test_the_same_every_time_and_blank_photos_match_nothing():
    options = GeometryOptions()
    image = picture()
    pair = [local_features(each, options) for each in (image, warped(image))]
    first, second = match(*pair, options), match(*pair, options)
    np.testing.assert_array_equal(first.pairs, second.pairs)
    for blank in (np.zeros((1, 1, 3), np.uint8), np.full((50, 60, 3), 9, np.uint8)):
        assert match(local_features(blank, options), pair[0], options).inliers == 0


@pytest.mark.parametrize(
    "wrong",
    [{"detector": "orb"}, {"first": 0}, {"max_points": 3}, {"max_side": 31}, {"least": 3},
     {"ratio": 0}, {"ratio": 1.1}, {"error": 0}],
)  # fmt: skip
def test_refuses_options(wrong):
    with pytest.raises(OptionError, match="Expected"):
        GeometryOptions(**wrong)
