import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from semsig_kernels.quadtree import encode_lanes, encode_words

from semsig.signatures.sbs.encoding import as_words
from tests.reference import sbs as reference

N_CLASSES = 5


def words(labels, levels, n_classes):
    return _run(encode_words, as_words(labels), labels.itemsize * 8, labels, levels, n_classes)


def lanes(labels, levels, n_classes):
    flat = labels.reshape(-1)
    flat.flags.writeable = False
    return _run(encode_lanes, flat, None, labels, levels, n_classes)


def _run(kernel, pixels, pixel_bits, labels, levels, n_classes):
    cells = np.empty(min(4**levels * n_classes, labels.size), np.uint32)
    bits = () if pixel_bits is None else (pixel_bits,)
    written = kernel(pixels, *bits, *labels.shape, levels, n_classes, cells)
    return cells[:written].tolist()


encoders = pytest.mark.parametrize("encode", [words, lanes])


def patches(dtype, side=20):
    """Label maps with runs: few labels (and void), each pixel repeated along the row."""
    void = np.iinfo(dtype).max
    label = st.sampled_from([*range(N_CLASSES), int(void)])
    shape = st.tuples(st.integers(1, side), st.integers(1, side))
    small = hnp.arrays(dtype, shape, elements=label)
    return st.builds(lambda a, n: a.repeat(n, axis=1), small, st.integers(1, 9))


@encoders
@settings(max_examples=60)
@given(labels=patches(np.uint8), levels=st.integers(0, 3))
def test_uint8_maps_as_by_definition(encode, labels, levels):
    assert encode(labels, levels, N_CLASSES) == reference.cells(labels, levels, N_CLASSES, 255)


@settings(max_examples=60)
@given(labels=patches(np.uint16), levels=st.integers(0, 3))
def test_uint16_maps_as_by_definition(labels, levels):
    assert words(labels, levels, N_CLASSES) == reference.cells(labels, levels, N_CLASSES, 65535)


@encoders
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (3, 5), (70, 9), (33, 131)])
@pytest.mark.parametrize("levels", [0, 2])
def test_hard_shapes(encode, shape, levels):
    labels = np.random.default_rng(7).integers(0, 4, shape).astype(np.uint8)
    assert encode(labels, levels, 4) == reference.cells(labels, levels, 4, 255)


@encoders
def test_block_with_more_classes_than_insertion_sort_is_for(encode):
    labels = np.random.default_rng(3).permutation(255).astype(np.uint8).reshape(15, 17)
    assert encode(labels, 0, 255) == [4 * label for label in range(255)]


@encoders
def test_all_void_gives_nothing(encode):
    assert encode(np.full((9, 11), 255, np.uint8), 2, 3) == []


@encoders
def test_worked_by_hand(encode):
    labels = np.array([[0, 0, 1, 1], [0, 0, 1, 2], [0, 2, 2, 2], [1, 1, 2, 255]], np.uint8)
    top_left = [(0 * 3 + 0) * 4 + 3]
    top_right = [(1 * 3 + 1) * 4 + 2, (1 * 3 + 2) * 4 + 0]
    bottom_left = [(2 * 3 + 0) * 4 + 0, (2 * 3 + 1) * 4 + 1, (2 * 3 + 2) * 4 + 0]
    bottom_right = [(3 * 3 + 2) * 4 + 3]
    assert encode(labels, 1, 3) == top_left + top_right + bottom_left + bottom_right


@encoders
@pytest.mark.parametrize(("count", "level"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (13, 4)])
def test_a_share_of_exactly_a_quarter_does_not_exceed_it(encode, count, level):
    labels = np.ones((4, 4), np.uint8)
    labels.reshape(-1)[:count] = 0
    assert encode(labels, 0, 2)[0] == level - 1


@encoders
def test_levels_deeper_than_the_map_leave_blocks_empty(encode):
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert encode(labels, 4, 6) == reference.cells(labels, 4, 6, 255)


@pytest.mark.slow
def test_both_kernels_agree_on_large_maps():
    rng = np.random.default_rng(11)
    for _ in range(20):
        height, width = rng.integers(200, 400, 2)
        coarse = rng.integers(0, 194, (height // 20 + 1, width // 30 + 1)).astype(np.uint8)
        labels = np.kron(coarse, np.ones((20, 30), np.uint8))[:height, :width].copy()
        labels[rng.random(labels.shape) < 0.01] = 255
        for levels in range(5):
            assert lanes(labels, levels, 194) == words(labels, levels, 194)
