from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.classes import ClassTable
from semsig.errors import SegmenterError
from semsig.segment.batching import MAX_ASPECT, STRIDE, network_size, resize, segment_batch

CLASSES = ClassTable(f"c{i}" for i in range(255))


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(64, 1024))
def test_network_size(height, width, short_side):
    size = network_size((height, width), short_side)
    assert all(side % STRIDE == 0 and side > 0 for side in size)
    assert abs(min(size) - short_side) <= STRIDE // 2
    aspect = min(max(height, width) / min(height, width), MAX_ASPECT)
    assert abs(max(size) - short_side * aspect) <= STRIDE // 2
    assert (size[0] >= size[1]) if height > width else (size[1] >= size[0])


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((256, 384), (192, 288)),
        ((384, 256), (288, 192)),
        ((1, 1), (192, 192)),
        ((9, 1), (768, 192)),
    ],
)
def test_network_size_by_hand(shape, size):
    assert network_size(shape, 192) == size


def test_shrinking_averages():
    checkers = np.indices((64, 64)).sum(0) % 2 * 255
    image = np.repeat(checkers[..., None], 3, 2).astype(np.uint8)
    assert np.abs(resize(image, (32, 32)).astype(int) - 127.5).max() < 1


def test_runs_group_sizes_and_keep_order():
    shapes = [(64, 96), (96, 64), (64, 96), (64, 64), (64, 96), (64, 96)]
    images = [np.full((*shape, 3), i, np.uint8) for i, shape in enumerate(shapes)]
    runs: list[tuple[int, ...]] = []

    def first_pixel(photos: np.ndarray) -> np.ndarray:
        runs.append(photos.shape)
        return photos[:, ::4, ::4, 0]

    maps = segment_batch(images, first_pixel, CLASSES, short_side=64, batch_size=3)
    assert [m.labels[0, 0] for m in maps] == [0, 1, 2, 3, 4, 5]
    assert [m.shape for m in maps] == [(h // 4, w // 4) for h, w in shapes]
    assert sorted(runs) == [(1, 64, 64, 3), (1, 64, 96, 3), (1, 96, 64, 3), (3, 64, 96, 3)]


def test_nothing_in_nothing_out():
    assert segment_batch([], lambda photos: photos, CLASSES, short_side=64, batch_size=3) == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_photo(image):
    with pytest.raises(SegmenterError, match="RGB uint8"):
        segment_batch([image], lambda photos: photos, CLASSES, short_side=64, batch_size=1)
