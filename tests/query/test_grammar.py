"""Conditions in words: what is understood, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.classes import ClassTable
from semsig.errors import QueryError
from semsig.query import PLACES, Condition, Conditions, parse, parse_absent
from semsig.query.places import ANYWHERE, find_place

TABLE = ClassTable(["sky", "horse", "road", "traffic_light", "door, double", "without hat", "a b"])
BUILTIN = ClassTable.builtin("ade20k")


def test_the_whole_grammar():
    conditions = parse("sky:top, horse>10%, road:bottom-left<=2.5 %, !sky, without road", TABLE)
    assert conditions.terms == (
        Condition(label=0, place=PLACES["top"]),
        Condition(label=1, relation=">", percent=10),
        Condition(label=2, place=PLACES["bottom-left"], relation="<=", percent=2.5),
        Condition(label=0, relation="<="),
        Condition(label=2, relation="<="),
    )
    assert len(conditions) == 5


@pytest.mark.parametrize(
    "text",
    ["traffic_light", "Traffic Light", "traffic-light", ' "traffic light" ', "TRAFFIC\tLIGHT"],
)
def test_spaces_hyphens_underscores_and_case_are_the_same(text):
    assert parse(text, TABLE) == parse("traffic_light", TABLE)


@pytest.mark.parametrize(
    ("turned", "plain"),
    [
        ("!sky>1%", "sky<=1%"),
        ("without sky:top>=1%", "sky:top<1%"),
        ("!sky<1%", "sky>=1%"),
        ("!sky<=1%", "sky>1%"),
        ("!sky<=0%", "sky"),
    ],
)
def test_conditions_are_turned_round(turned, plain):
    assert parse(turned, TABLE) == parse(plain, TABLE)


def test_what_is_left_out_is_wanted_elsewhere():
    absent = parse_absent(["sky:top", "horse>1%, road>=5%"], TABLE)
    assert str(absent) == "!sky:top, horse<=1%, road<5%"
    assert parse_absent((), TABLE).terms == ()
    with pytest.raises(QueryError, match="got '!sky'"):
        parse_absent("!sky", TABLE)


def test_names_that_the_grammar_uses_are_quoted():
    conditions = parse('"door, double":top>=5%, !"without hat"', TABLE)
    assert [term.label for term in conditions.terms] == [4, 5]
    assert str(conditions) == '"door, double":top>=5%, !"without hat"'


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("upper left", "top-left"),
        ("left-top", "top-left"),
        ("middle", "centre"),
        ("CENTER", "centre"),
        ("middle_right", "centre-right"),
        ("lower third", "bottom"),
        ("half top", "top-half"),
        ("centre column", "middle-column"),
    ],
)
def test_places_have_several_names(name, place):
    assert find_place(name) is PLACES[place]
    assert parse(f"sky:{name}", TABLE).terms[0].place is PLACES[place]


def test_there_are_nine_corners_four_sides_two_middles_and_four_halves():
    assert len(PLACES) == 9 + 4 + 2 + 4
    assert find_place("anywhere") is ANYWHERE
    assert find_place("") is None


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("skky:top", 0, "did you mean 'sky'?"),
        ("sky, hors > 3%", 5, "did you mean 'horse'?"),
        ("zzzz", 0, "it has sky, horse"),
        ("top:sky", 0, "is a place, no class"),
        ("sky:topp", 4, "Expected a place: top, bottom, left"),
        ("sky:", 4, "Expected a place"),
        ("sky:, horse", 4, "Expected a place"),
        ("", 0, "Expected a class, such as 'sky'"),
        ("  ", 0, "Expected a class"),
        ("sky,", 4, "Expected a class"),
        ("sky,,horse", 4, "Expected a class"),
        ("!", 1, "Expected a class"),
        ("sky>", 4, "with its percent sign"),
        ("sky>10", 4, "with its percent sign"),
        ("sky>-1%", 4, "with its percent sign"),
        ("sky>101%", 4, "0% to 100%"),
        ("sky=10%", 3, "Expected a comma"),
        ("sky>10% horse", 8, "Expected a comma"),
        ("sky 10%", 0, "did you mean 'sky'?"),
        ("sky!", 3, "Expected a comma"),
        ('"sky', 0, "Expected a class"),
    ],
)
def test_errors_say_where_and_what_instead(text, position, message):
    with pytest.raises(QueryError) as caught:
        parse(text, TABLE)
    assert message in str(caught.value)
    assert caught.value.position == position
    if caught.value.text:
        shown, marks = str(caught.value).splitlines()[-2:]
        assert shown == "  " + text.rstrip()
        assert marks.index("^") == 2 + position


@pytest.mark.parametrize("text", [b"sky", [None], ["sky", 3]])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(QueryError, match="Conditions are texts"):
        parse(text, TABLE)


def test_a_name_of_two_classes_is_refused_unless_exact():
    table = ClassTable(["a_b", "a-b"])
    assert parse("a-b", table).terms[0].label == 1
    with pytest.raises(QueryError, match="'a b' may mean 'a_b', 'a-b'"):
        parse("a b", table)


@st.composite
def conditions(draw, table):
    relation = draw(st.sampled_from([">", ">=", "<", "<="]))
    return Condition(
        label=draw(st.integers(0, len(table) - 1)),
        place=draw(st.sampled_from([ANYWHERE, *PLACES.values()])),
        relation=relation,
        percent=draw(st.decimals(0, 100, places=3).map(float)),
    )


@given(
    st.sampled_from([TABLE, BUILTIN]).flatmap(
        lambda t: st.tuples(st.just(t), st.lists(conditions(t), min_size=1, max_size=4))
    )
)
def test_what_is_written_reads_back_the_same(case):
    table, terms = case
    written = Conditions(table, tuple(terms))
    assert parse(str(written), table) == written


@given(st.text('sky:top>10%,!"= -horse', max_size=14))
def test_any_text_is_read_or_refused(text):
    try:
        conditions = parse(text, TABLE)
    except QueryError:
        return
    assert parse(str(conditions), TABLE) == conditions
