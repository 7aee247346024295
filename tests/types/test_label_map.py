import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semsig.classes import ClassTable
from semsig.errors import LabelMapError
from semsig.types import LabelMap

COAST = ClassTable(["sky", "sea", "sand"], palette=[(1, 2, 3), (4, 5, 6), (7, 8, 9)])
WIDE = ClassTable([f"c{i}" for i in range(300)])

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)
labels = hnp.arrays(np.uint8, shapes, elements=st.sampled_from([0, 1, 2, 255]))
some_dtypes = ["int8", "uint8", "int16", ">i2", "uint16", "int32", "int64", "uint64"]


@pytest.mark.parametrize("dtype", some_dtypes)
def test_any_integer_dtype_is_stored_narrow(dtype):
    stored = LabelMap(np.array([[0, 1], [2, 0]], dtype), COAST).labels
    assert stored.dtype == np.uint8
    assert stored.tolist() == [[0, 1], [2, 0]]


def test_more_than_255_classes_are_stored_wide():
    stored = LabelMap([[299, 65535]], WIDE).labels
    assert stored.dtype == np.uint16
    assert stored.tolist() == [[299, 65535]]


@given(labels)
def test_stored_contiguous_read_only_and_apart_from_the_original(array):
    for view in (array, array.T, array[::-1, ::-1], np.asfortranarray(array)):
        stored = LabelMap(view, COAST).labels
        assert stored.flags.c_contiguous
        assert not stored.flags.writeable
        assert not np.shares_memory(stored, array)
        np.testing.assert_array_equal(stored, view)


def test_read_only_and_nested_lists_are_taken():
    frozen = np.zeros((2, 3), np.uint8)
    frozen.flags.writeable = False
    assert LabelMap(frozen, COAST) == LabelMap([[0, 0, 0], [0, 0, 0]], COAST)
    assert LabelMap(frozen, COAST).shape == (2, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((0, 3), np.uint8),
        np.zeros((3, 0), np.uint8),
        np.zeros(3, np.uint8),
        np.zeros((2, 3, 1), np.uint8),
        np.zeros((2, 3), np.float32),
        np.zeros((2, 3), bool),
        np.array(3),
        [["sky"]],
        None,
    ],
)
def test_refuses_what_is_no_map(wrong):
    with pytest.raises(LabelMapError, match="non-empty 2-D array of integers"):
        LabelMap(wrong, COAST)


@pytest.mark.parametrize(
    ("label", "classes"), [(3, COAST), (254, COAST), (256, COAST), (-1, COAST), (2**40, COAST),
                           (255 - 256, COAST), (300, WIDE), (65534, WIDE), (65536, WIDE)]
)  # fmt: skip
def test_refuses_labels_that_are_no_class_and_says_where(label, classes):
    array = np.zeros((3, 4), np.int64)
    array[2, 1] = label
    with pytest.raises(LabelMapError, match=rf"Label {label} at \(row 2, column 1\)"):
        LabelMap(array, classes)


def test_255_is_void_for_few_classes_and_a_class_for_many():
    assert LabelMap([[255]], COAST).labels[0, 0] == COAST.void
    assert LabelMap([[255]], WIDE).labels[0, 0] != WIDE.void


@given(labels)
def test_flipping_twice_changes_nothing(array):
    label_map = LabelMap(array, COAST)
    assert label_map.flipped().flipped() == label_map
    np.testing.assert_array_equal(label_map.flipped().labels, array[:, ::-1])


def test_equal_means_same_labels_and_same_table():
    a = LabelMap([[0, 1]], COAST)
    assert a == LabelMap([[0, 1]], COAST)
    assert a != LabelMap([[0, 2]], COAST)
    assert a != LabelMap([[0], [1]], COAST)
    assert a != LabelMap([[0, 1]], ClassTable(["sky", "sea", "sun"]))
    assert a != "map"


def test_not_hashable_and_tells_what_it_is():
    label_map = LabelMap([[0, 1]], COAST)
    with pytest.raises(TypeError, match="unhashable"):
        hash(label_map)
    assert repr(label_map) == "LabelMap(1 x 2, custom: 3 classes)"


@given(labels)
def test_colours_and_back(array):
    label_map = LabelMap(array, COAST)
    assert LabelMap.from_colors(label_map.colored(), COAST) == label_map


@given(labels)
def test_any_colour_may_mean_void(array):
    label_map = LabelMap(array, COAST)
    white = label_map.colored(void=(255, 255, 255))
    assert LabelMap.from_colors(white, COAST, void=[(0, 0, 0), (255, 255, 255)]) == label_map


def test_a_class_wins_over_void_of_its_colour():
    voc = ClassTable.builtin("voc")
    assert LabelMap.from_colors(np.zeros((1, 1, 3), np.uint8), voc).labels.tolist() == [[0]]


@pytest.mark.parametrize("color", [(1, 2, 4), (0, 0, 1), (255, 255, 255), (3, 2, 1)])
def test_refuses_colours_that_mean_nothing(color):
    rgb = np.zeros((2, 3, 3), np.uint8)
    rgb[1, 2] = color
    with pytest.raises(LabelMapError, match=r"row 1, column 2.*does not name it"):
        LabelMap.from_colors(rgb, COAST)


def test_refuses_colours_that_mean_two_classes_only_where_they_occur():
    twins = ClassTable(["sky", "sea", "sand"], palette=[(1, 1, 1), (2, 2, 2), (1, 1, 1)])
    rgb = np.full((1, 2, 3), 2, np.uint8)
    assert LabelMap.from_colors(rgb, twins).labels.tolist() == [[1, 1]]
    rgb[0, 1] = 1
    with pytest.raises(LabelMapError, match=r"row 0, column 1.*several classes"):
        LabelMap.from_colors(rgb, twins)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 3), np.uint8),
        np.zeros((2, 3, 4), np.uint8),
        np.zeros((2, 3, 3), np.int64),
        np.zeros((0, 3, 3), np.uint8),
    ],
)
def test_refuses_what_is_no_coloured_picture(wrong):
    with pytest.raises(LabelMapError, match=r"uint8|non-empty"):
        LabelMap.from_colors(wrong, COAST)


def test_present_labels_leave_void_out():
    table = ClassTable(["sky", "grass", "horse"])
    labels = np.array([[2, 0], [table.void, 2]], np.uint8)
    assert LabelMap(labels, table).present == (0, 2)
