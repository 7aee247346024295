"""A sentence of what a photo has of what was asked for: all of it is named."""

from __future__ import annotations

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.explain import answer, request
from semsig.query import parse
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap

TABLE = ClassTable(["sky", "grass", "horse", "dog", "person"])


def photo():
    """Sky over grass, a speck of a horse lower left."""
    labels = np.repeat([0, 1], 32)[:, None] * np.ones((1, 64), int)
    labels[60:62, 2:4] = 2
    return sbs(LabelMap(labels.astype(np.uint8), TABLE), 3)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("horse", "a little horse lower left; also sky above and grass below"),
        ("horse, sky", "a little horse lower left and sky above; also grass below"),
        ("dog", "without the dog asked for; also sky above and grass below"),
        ("dog*2, sky", "sky above; without the two dogs asked for; also grass below"),
        ("dog|person", "without the dog or person asked for; also sky above and grass below"),
        ("!dog, grass", "grass below; no dog; also sky above"),
        ("!horse", "but a little horse lower left; also sky above and grass below"),
        ("!horse:top", "no horse (top); also sky above and grass below"),
        ("horse:top", "without the horse (top) asked for; also sky above and grass below"),
        ("sky, grass", "sky above and grass below"),
    ],
)
def test_all_that_was_asked_for_is_named(asked, sentence):
    assert answer(photo(), parse(asked, TABLE).terms) == sentence


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("sky, grass, person*2, !dog", "sky, grass and two people; no dog"),
        ("horse:top-left>10%", "horse (top left) over 10%"),
        ("dog|horse, person<=1%, sky<5%", "dog or horse; no person and sky under 5%"),
        ("!dog", "no dog"),
    ],
)
def test_what_was_asked_for_is_said_in_words(asked, words):
    assert request(parse(asked, TABLE).terms, TABLE.names) == words
