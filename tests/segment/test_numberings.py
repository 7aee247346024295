"""Class numbers of datasets are mapped to the classes that they mean there."""

import numpy as np
import pytest
from PIL import Image

from semsig.classes import ClassTable
from semsig.segment import load_segmenter
from semsig.segment.numberings import NUMBERINGS


@pytest.mark.parametrize(
    ("table", "stem", "stored", "expected"),
    [
        ("ade20k", "a", 3, "sky"),
        ("ade20k", "a", 150, "flag"),
        ("ade20k", "a", 0, None),
        ("ade20k-mmseg", "a", 2, "sky"),
        ("cityscapes", "a", 2, "building"),
        ("cityscapes-labelids", "a", 11, "building"),
        ("cityscapes-labelids", "a", 0, None),
        ("cityscapes", "x_labelIds", 26, "car"),
        ("cityscapes", "x_labelTrainIds", 13, "car"),
        ("coco-stuff-ids", "a", 12, "stop sign"),
        ("coco-stuff", "a", 11, "stop sign"),
    ],
)
def test_numbers(tmp_path, table, stem, stored, expected):
    Image.fromarray(np.full((4, 4), stored, np.uint8)).save(tmp_path / f"{stem}.png")
    found = load_segmenter(f"files:{tmp_path}@{table}").for_path(f"{stem}.jpg")
    label = int(found.labels[0, 0])
    assert (None if label == found.classes.void else found.classes.names[label]) == expected


@pytest.mark.parametrize("table", NUMBERINGS)
def test_every_numbering_has_a_number_a_class(table):
    for numbering in NUMBERINGS[table]:
        assert len(set(numbering.stored)) == len(ClassTable.builtin(table))
        assert not set(numbering.stored) & set(numbering.void)
