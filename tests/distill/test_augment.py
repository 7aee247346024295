"""Crops: image and labels stay together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semsig.distill.augment import center_view, paste_others, random_view, recolor

SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90))


def halves(height, width):
    """A photo that is red on the left and blue on the right, labelled 0 and 7."""
    labels = np.zeros((height, width), np.uint8)
    labels[:, width // 2 :] = 7
    image = np.zeros((height, width, 3), np.uint8)
    image[labels == 0, 0] = 200
    image[labels == 7, 2] = 200
    return image, labels


@given(SIZES, st.integers(0, 1000), st.sampled_from([np.uint8, np.uint16]))
def test_shapes_and_labels_of_any_photo(size, seed, dtype):
    image, labels = halves(*size)
    crop, target = random_view(image, labels.astype(dtype), 64, 2.0, np.random.default_rng(seed))
    assert crop.shape == (64, 64, 3)
    assert crop.dtype == np.uint8
    assert target.shape == (16, 16)
    assert target.dtype == dtype
    assert set(np.unique(target)) <= set(np.unique(labels))


def test_labels_follow_the_crop():
    image, labels = halves(80, 120)
    agree = []
    for seed in range(30):
        crop, target = random_view(image, labels, 64, 2.0, np.random.default_rng(seed))
        center = crop[2::4, 2::4].astype(int)
        told_apart = center[..., 0] != center[..., 2]
        red = center[..., 0] > center[..., 2]
        agree += (red == (target == 0))[told_apart].tolist()
    assert np.mean(agree) > 0.97


def test_center_view_is_the_middle_square():
    image, labels = halves(64, 128)
    crop, target = center_view(image, labels, 64)
    np.testing.assert_array_equal(crop, image[:, 32:96])
    np.testing.assert_array_equal(target, labels[2::4, 34:96:4])


def test_a_crop_is_a_function_of_the_seed():
    image, labels = halves(50, 70)
    first, second, other = (
        random_view(image, labels, 64, 1.8, np.random.default_rng(seed))[0] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_recoloring_keeps_the_order_of_grey_values():
    ramp = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None, :, None], 3, 2)
    for seed in range(5):
        changed = recolor(ramp, np.random.default_rng(seed)).astype(int)
        assert (np.diff(changed, axis=1) >= 0).all()


def batch_of_greys(count, side):
    """Crops each of one grey, labelled by their number; grey 10 times it."""
    labels = np.repeat(np.arange(count), side * side).reshape(count, side, side)
    images = np.repeat((labels * 10).repeat(4, 1).repeat(4, 2)[..., None], 3, 3)
    return images.astype(np.uint8), labels


@given(st.integers(2, 5), st.integers(1, 12), st.integers(0, 1000))
def test_pasted_pixels_bring_their_labels_from_the_next_crop(count, side, seed):
    images, labels = batch_of_greys(count, side)
    paste_others(images, labels, 1.0, np.random.default_rng(seed))
    np.testing.assert_array_equal(images[:, ::4, ::4, 0], labels * 10)
    for i in range(count):
        assert set(np.unique(labels[i])) <= {i, (i + 1) % count}
        assert (labels[i] != i).any()


def test_as_many_crops_get_a_part_of_another_as_asked_for():
    images, labels = batch_of_greys(200, 8)
    paste_others(images, labels, 0.3, np.random.default_rng(0))
    changed = labels != np.arange(200)[:, None, None]
    assert 40 < changed.any(axis=(1, 2)).sum() < 80
    assert 0.1 < changed[changed.any(axis=(1, 2))].mean() < 0.5
