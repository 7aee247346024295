"""Layouts, crops, mirror images and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.errors import ImageError, LabelMapError, QueryError
from semsig.query import Box, leave_out, mirrored, parse, read_layout
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap, SbsSchema, SbsSignature

TABLE = ClassTable(["sky", "grass", "horse"], palette=[(0, 0, 255), (0, 255, 0), (160, 80, 0)])
VOID = TABLE.void


def labels(shape):
    return arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, VOID]))


def multiple_of(step):
    return st.integers(1, 3).map(lambda count: count * step)


@given(st.tuples(st.integers(1, 9), multiple_of(4)).flatmap(labels))
def test_mirrored_cells_are_those_of_the_mirrored_map_where_the_width_divides(array):
    label_map = LabelMap(array, TABLE)
    assert mirrored(sbs(label_map, 2)) == sbs(label_map.flipped(), 2)


@given(labels(array_shapes(min_dims=2, max_dims=2, max_side=9)), st.integers(0, 3))
def test_mirroring_twice_changes_nothing(array, levels):
    signature = sbs(LabelMap(array, TABLE), levels)
    assert mirrored(mirrored(signature)) == signature


def test_mirrored_cells_may_differ_where_the_width_does_not_divide():
    label_map = LabelMap([[0, 1, 1]], TABLE)
    assert mirrored(sbs(label_map, 1)) != sbs(label_map.flipped(), 1)


def test_mirroring_nothing_gives_nothing():
    empty = SbsSignature(np.zeros(0, np.int64), SbsSchema(3, TABLE))
    assert mirrored(empty) == empty


@given(labels((8, 8)))
def test_what_is_taken_out_is_absent_and_the_rest_stays(array):
    signature = sbs(LabelMap(array, TABLE), 2)
    rest = leave_out(signature, parse("!horse, !sky:top", TABLE))
    gone = np.setdiff1d(signature.cells, rest.cells)
    codes = gone.astype(int) >> 2
    block, label = codes // 3, codes % 3
    assert ((label == 2) | ((label == 0) & (block < 4))).all()
    assert not (rest.labels == 2).any()
    assert not ((rest.labels == 0) & (rest.blocks < 4)).any()
    assert np.isin(rest.cells, signature.cells).all()


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("0.1,0,0.6,1", (0.1, 0, 0.6, 1)),
        ("10%, 0%, 60%, 100%", (0.1, 0, 0.6, 1)),
        (".5,0.25,100%,1.", (0.5, 0.25, 1, 1)),
    ],
)
def test_crops_are_fractions_or_percent(text, sides):
    box = Box.parse(text)
    assert (box.left, box.top, box.right, box.bottom) == sides


@pytest.mark.parametrize("text", ["", "0,0,1", "0,0,1,1,1", "a,0,1,1", "-0.1,0,1,1", "0,0,1e1,1"])
def test_other_texts_are_no_crops(text):
    with pytest.raises(QueryError, match="LEFT,TOP,RIGHT,BOTTOM"):
        Box.parse(text)


@pytest.mark.parametrize("text", ["0.5,0,0.5,1", "0,1,1,0", "0,0,1,2", "10,0,60,100", "0,0,101%,1"])
def test_a_crop_lies_in_the_picture_and_is_not_empty(text):
    with pytest.raises(QueryError, match="0 <= LEFT < RIGHT <= 1"):
        Box.parse(text)


def test_a_crop_keeps_what_it_touches():
    label_map = LabelMap(np.arange(12).reshape(3, 4) % 3, TABLE)
    assert Box.parse("0,0,1,1").crop(label_map) == label_map
    part = Box.parse("50%,0,100%,33%").crop(label_map)
    assert part == LabelMap([[2, 0]], TABLE)
    assert Box.parse("0.99,0.99,1,1").crop(label_map) == LabelMap([[2]], TABLE)


@given(array_shapes(min_dims=2, max_dims=2, max_side=9), st.data())
def test_no_crop_is_empty(shape, data):
    ends = st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted)
    (left, right), (top, bottom) = data.draw(ends), data.draw(ends)
    box = Box(left=left, top=top, right=right, bottom=bottom)
    assert box.crop(LabelMap(np.zeros(shape, int), TABLE)).labels.size > 0


def painted(path, *rows):
    PillowImage.fromarray(np.array(rows, np.uint8)).save(path)
    return path


def test_a_layout_is_painted_in_the_tables_colours(tmp_path):
    path = painted(
        tmp_path / "a.png", [TABLE.palette[0], (255, 255, 255)], [TABLE.palette[2], (0, 0, 0)]
    )
    assert read_layout(path, TABLE) == LabelMap([[0, VOID], [2, VOID]], TABLE)


def test_what_is_transparent_is_unpainted(tmp_path):
    path = painted(tmp_path / "a.png", [(*TABLE.palette[1], 255), (*TABLE.palette[1], 0)])
    assert read_layout(path, TABLE) == LabelMap([[1, VOID]], TABLE)


def test_layouts_of_other_colours_or_none_are_refused(tmp_path):
    with pytest.raises(LabelMapError, match=r"colour \(9, 9, 9\)"):
        read_layout(painted(tmp_path / "a.png", [TABLE.palette[1], (9, 9, 9)]), TABLE)
    with pytest.raises(QueryError, match="unpainted"):
        read_layout(painted(tmp_path / "b.png", [(0, 0, 0), (255, 255, 255)]), TABLE)
    with pytest.raises(ImageError):
        read_layout(tmp_path / "missing.png", TABLE)
