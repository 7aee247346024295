import numpy as np
import pytest

from semsig.errors import SignatureError
from semsig.types import Keypoints


def test_arrays_are_kept_as_float32_read_only_and_apart():
    points = np.array([[1, 2], [3, 4]])
    keypoints = Keypoints(points, np.ones((2, 64), order="F"), [0.5, 0.25], (8, 9))
    points[0] = 0
    assert keypoints.points.tolist() == [[1, 2], [3, 4]]
    for array in (keypoints.points, keypoints.descriptors, keypoints.responses):
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert not array.flags.writeable
    assert len(keypoints) == 2
    assert repr(keypoints) == "Keypoints(2 in 8 x 9)"


def test_no_keypoints():
    empty = Keypoints.none((3, 2))
    assert (len(empty), empty.size, empty.points.shape) == (0, (3, 2), (0, 2))
    assert empty == Keypoints.none((3, 2))
    assert empty != Keypoints.none((2, 3))
    assert empty != []


@pytest.mark.parametrize(
    ("points", "descriptors", "responses", "size"),
    [
        (np.zeros((2, 2)), np.zeros((1, 64)), [0.0], (4, 4)),
        (np.zeros((1, 3)), np.zeros((1, 64)), [0.0], (4, 4)),
        (np.zeros((1, 2)), np.zeros((1, 128)), [0.0], (4, 4)),
        (np.zeros((1, 2)), np.zeros((2, 64)), [0.0], (4, 4)),
        (np.zeros((1, 2)), np.zeros((1, 64)), [[0.0]], (4, 4)),
        (np.zeros((1, 2)), np.zeros((1, 64)), 0.0, (4, 4)),
        (np.full((1, 2), np.nan), np.zeros((1, 64)), [0.0], (4, 4)),
        (np.zeros((1, 2)), np.full((1, 64), np.inf), [0.0], (4, 4)),
        (np.zeros((1, 2)), np.zeros((1, 64)), [0.0], (0, 4)),
    ],
)
def test_refuses_arrays_that_do_not_fit_together(points, descriptors, responses, size):
    with pytest.raises(SignatureError):
        Keypoints(points, descriptors, responses, size)
