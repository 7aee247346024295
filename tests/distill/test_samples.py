"""What the network sees of a photo, beside the teacher."""

import numpy as np

from semsig.classes import ClassTable
from semsig.distill.samples import Sample
from semsig.types import LabelMap

CLASSES = ClassTable(["sky", "grass"], name="two")


def test_confusion_is_counted_at_the_teachers_size():
    photo = np.zeros((4, 6, 3), np.uint8)
    teacher = LabelMap(np.repeat([[0], [0], [1], [255]], 6, axis=1).astype(np.uint8), CLASSES)
    network = LabelMap(np.array([[0, 1], [1, 1]], np.uint8), CLASSES)
    expected = [[6, 6], [0, 6]]  # half of the sky is seen as grass; the void row counts nowhere
    np.testing.assert_array_equal(Sample(photo, teacher, network).confusion, expected)
