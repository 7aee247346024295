"""Conditions on signatures, against their definition and against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.classes import ClassTable
from semsig.errors import OptionError, QueryError, SchemaMismatchError
from semsig.query import PLACES, Condition, Conditions, parse
from semsig.query import conditions as module
from semsig.query.places import ANYWHERE, find_place
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap, SbsBatch, SbsSchema
from tests.reference import conditions as reference

TABLE = ClassTable(["sky", "grass", "horse"])
SKY, GRASS, HORSE, VOID = 0, 1, 2, TABLE.void


def signed(labels, levels=2):
    return sbs(LabelMap(np.asarray(labels), TABLE), levels)


def met(text, *label_maps, levels=2):
    batch = SbsBatch.of([signed(labels, levels) for labels in label_maps])
    return parse(text, TABLE).evaluate(batch)[0].tolist()


def scene():
    """Sky over grass, a horse in one of the 4 x 4 blocks, lower left."""
    labels = np.full((16, 16), GRASS)
    labels[:8] = SKY
    labels[12:, :4] = HORSE
    return labels


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("sky", True),
        ("sky:top", True),
        ("sky:top>=100%", True),
        ("sky:top>99%, sky:bottom<1%", True),
        ("sky>=50%", True),
        ("sky>50%", False),
        ("sky<50%", False),
        ("sky<=50%", True),
        ("sky:top-half>=100%", True),
        ("sky:bottom-half", False),
        ("!sky:bottom", True),
        ("!sky", False),
        ("without sky:lower right", True),
        ("horse:bottom-left>=100%", True),
        ("horse:bottom>=25%", True),
        ("horse:bottom>25%", False),
        ("horse>6.25%", False),
        ("horse>=6.25%", True),
        ("horse:right", False),
        ("horse:centre", False),
        ("grass:middle-row>=50%", True),
        ("sky:top, horse:bottom-left, !grass:top", True),
        ("sky:top, horse:bottom-right", False),
    ],
)
def test_a_scene_told_by_hand(text, holds):
    assert met(text, scene()) == [holds]


def test_a_block_is_shared_out_by_weight():
    labels = np.full((10, 10), SKY)
    labels[0, :10] = GRASS
    batch = SbsBatch.of([signed(labels, 0)])
    shares = parse("sky, grass, horse", TABLE).shares(batch)
    assert shares.tolist() == [[14 / 15, 1 / 15, 0]]


def test_the_score_is_the_product_of_what_is_wanted_and_what_is_left():
    batch = SbsBatch.of([signed(scene())])
    _, score = parse("sky, horse:bottom, grass<60%, !horse:top", TABLE).evaluate(batch)
    assert score.tolist() == [0.5 * 0.25 * (1 - 7 / 16)]


def test_void_and_empty_signatures_hold_nothing():
    void = np.full((8, 8), VOID)
    assert met("sky", void) == [False]
    assert met("!sky, horse<1%", void) == [True]
    nothing = SbsBatch.of([], SbsSchema(2, TABLE))
    assert [part.shape for part in parse("sky", TABLE).evaluate(nothing)] == [(0,), (0,)]


@st.composite
def batches(draw, levels):
    side = 2**levels
    label = st.sampled_from([SKY, GRASS, HORSE, VOID])
    maps = st.lists(label, min_size=4 * side**2, max_size=4 * side**2)
    rows = draw(st.lists(maps, min_size=1, max_size=4))
    return SbsBatch.of([signed(np.reshape(row, (2 * side, 2 * side)), levels) for row in rows])


@given(st.data())
def test_shares_are_those_of_the_definition(data):
    batch = data.draw(batches(2))
    rows = data.draw(st.sampled_from(["top", "centre", "bottom"]))
    columns = data.draw(st.sampled_from(["left", "centre", "right"]))
    place = find_place(f"{rows}-{columns}")
    terms = [
        Condition(label=label, place=where) for where in (place, ANYWHERE) for label in range(3)
    ]
    shares = Conditions(TABLE, tuple(terms)).shares(batch)
    blocks = {place: reference.blocks_of_ninth(rows, columns, 2), ANYWHERE: range(16)}
    for row, signature in enumerate(batch):
        expected = [reference.share(signature, term.label, blocks[term.place]) for term in terms]
        assert shares[row].tolist() == expected


@given(batches(1), st.integers(0, 2), st.integers(1, 12))
def test_portions_of_rows_change_nothing(batch, label, at_once):
    conditions = Conditions(TABLE, (Condition(label=label),))
    whole = conditions.shares(batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCKS_AT_ONCE", at_once)
        assert np.array_equal(conditions.shares(batch), whole)


@given(batches(2), st.sampled_from(list(PLACES)))
def test_absent_is_the_opposite_of_present(batch, place):
    present, score = parse(f"horse:{place}", TABLE).evaluate(batch)
    absent, _ = parse(f"!horse:{place}", TABLE).evaluate(batch)
    assert (present ^ absent).all()
    assert ((score >= 0) & (score <= 1)).all()
    inside = PLACES[place].blocks(2)
    there = [bool(inside[row.blocks[row.labels == HORSE]].any()) for row in batch]
    assert present.tolist() == there


def test_thirds_tile_the_picture():
    for levels in (2, 3, 5):
        for names in (("top", "middle-row", "bottom"), ("left", "middle-column", "right")):
            assert (sum(PLACES[name].blocks(levels).astype(int) for name in names) == 1).all()
        halves = PLACES["top-half"].blocks(levels), PLACES["bottom-half"].blocks(levels)
        assert (halves[0] ^ halves[1]).all()


@pytest.mark.parametrize(
    ("levels", "place"), [(0, "top"), (0, "left-half"), (1, "centre"), (1, "top-centre")]
)
def test_places_that_no_block_lies_in_are_refused(levels, place):
    batch = SbsBatch.of([signed(scene(), levels)])
    with pytest.raises(QueryError, match=f"none lies in '{place}'"):
        parse(f"sky:{place}", TABLE).evaluate(batch)


def test_level_0_knows_the_centre_and_everywhere():
    assert met("sky:centre>40%, sky>40%", scene(), levels=0) == [True]


def test_labels_of_another_table_are_refused():
    other = SbsBatch.of([], SbsSchema(2, ClassTable(["sky", "grass"])))
    with pytest.raises(SchemaMismatchError, match="conditions name classes"):
        parse("sky", TABLE).evaluate(other)


@pytest.mark.parametrize("wrong", [{"relation": "="}, {"percent": -1}, {"percent": float("nan")}])
def test_conditions_check_themselves(wrong):
    with pytest.raises(OptionError):
        Condition(label=0, **wrong)
