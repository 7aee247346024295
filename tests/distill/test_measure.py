"""Agreement and intersection over union."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semsig.classes import ClassTable
from semsig.distill.measure import Agreement, confusion_matrix

CLASSES = ClassTable(["a", "b", "c"])
MAPS = hnp.arrays(np.uint8, (4, 5), elements=st.sampled_from([0, 1, 2, 255]))


@given(MAPS, MAPS)
def test_confusion_counts_pixel_by_pixel(teacher, predicted):
    expected = np.zeros((3, 3), int)
    for t, p in zip(teacher.flat, predicted.flat, strict=True):
        if t != 255 and p != 255:
            expected[t, p] += 1
    np.testing.assert_array_equal(confusion_matrix(teacher, predicted, CLASSES), expected)


def test_figures_by_hand():
    agreement = Agreement(np.array([[3, 1, 0], [1, 5, 0], [0, 0, 0]]))
    assert agreement.pixels == 0.8
    assert agreement.present.tolist() == [True, True, False]
    assert agreement.iou.tolist() == pytest.approx([3 / 5, 5 / 7, 0])
    assert agreement.miou == pytest.approx((3 / 5 + 5 / 7) / 2)


def test_nothing_to_compare_gives_zero():
    empty = Agreement(np.zeros((3, 3), np.int64))
    assert (empty.pixels, empty.miou) == (0, 0)
