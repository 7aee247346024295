"""Masks of COCO's things read as a network's classes."""

import numpy as np

from scripts.measure_things import KINDS, translated
from semsig.classes import ClassTable


def test_kinds_are_translated_and_the_rest_is_void():
    drawn = ClassTable(["pizza", "couch", "cow", "fork"])
    table = ClassTable(["sofa", "hoofed", "food"])
    labels = np.array([[0, 1, 2, 3, drawn.void]])
    void = table.void
    assert translated(labels, drawn, table).tolist() == [[2, 0, 1, void, void]]


def test_no_kind_is_named_twice():
    names = [kind for kinds in KINDS.values() for kind in kinds]
    assert len(names) == len(set(names))
