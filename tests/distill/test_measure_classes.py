"""Maps relabelled by a teacher of more classes."""

import numpy as np

from scripts.label_teachers import ADE, resized, softmax
from scripts.measure_classes import FURTHER, relabelled
from semsig.classes import ClassTable
from semsig.types import LabelMap


def test_pixels_become_what_the_teacher_finds_of_the_chosen():
    own = LabelMap(np.array([[0, 1, 1]], np.uint8), ClassTable(["sky", "earth"]))
    theirs = np.array([[FURTHER["rock"], FURTHER["rock"], FURTHER["river"]]], np.uint8)
    found = relabelled(own, theirs, ["river"])
    assert found.classes.names == ("sky", "earth", "river")
    assert found.labels.tolist() == [[0, 1, 2]]
    assert relabelled(own, theirs, ["rock", "river"]).labels.tolist() == [[2, 2, 3]]
    assert relabelled(own, theirs, []).labels.tolist() == own.labels.tolist()


def test_outputs_are_of_one_class_each_and_classes_are_semsigs():
    outputs = [output for several in ADE.values() for output in several]
    assert len(outputs) == len(set(outputs))
    assert all(1 <= output <= 150 for output in (*outputs, *FURTHER.values()))
    assert set(ADE) <= set(ClassTable.builtin("semsig54").names)


def test_scores_become_probabilities_and_keep_their_sum_when_resized():
    scores = np.random.default_rng(0).normal(size=(5, 4, 6)).astype(np.float32)
    likely = softmax(scores)
    np.testing.assert_allclose(likely, np.exp(scores) / np.exp(scores).sum(0), rtol=1e-5)
    np.testing.assert_allclose(resized(likely, (7, 9)).sum(0), 1, rtol=1e-5)
