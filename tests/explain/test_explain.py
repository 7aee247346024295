"""Explanations: the parts add up to the distance, and the words say what is where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.classes import ClassTable
from semsig.errors import SchemaMismatchError
from semsig.explain import describe, explain
from semsig.explain.objects import count_objects
from semsig.explain.places import Layout, phrase
from semsig.explain.words import counted, is_thing, listed, plural, sentence_case, spoken
from semsig.types import LabelMap, SbsSchema, SbsSignature

TABLE = ClassTable(["sky", "grass", "horse", "road", "person"])
SKY, GRASS, HORSE, ROAD, PERSON = range(5)


def signature(labels: np.ndarray, levels: int = 3) -> SbsSignature:
    """Naive SBS, so that these tests need no kernel."""
    side, (height, width) = 2**levels, labels.shape
    cells = []
    for block in range(side * side):
        i, j = divmod(block, side)
        part = labels[
            i * height // side : (i + 1) * height // side,
            j * width // side : (j + 1) * width // side,
        ]
        known = part[part != TABLE.void]
        for label, pixels in zip(*np.unique(known, return_counts=True), strict=True):
            level = 1 + sum(4 * pixels > k * known.size for k in (1, 2, 3))
            cells.append((block * len(TABLE) + int(label)) * 4 + level - 1)
    return SbsSignature(np.array(cells, np.int64), SbsSchema(levels, TABLE))


def meadow(*, road: bool = False, horses: int = 1) -> np.ndarray:
    labels = np.full((90, 120), GRASS, np.uint8)
    labels[:30] = SKY
    for number in range(horses):
        labels[64:84, 5 + 25 * number : 25 + 25 * number] = HORSE
    if road:
        labels[60:, 80:] = ROAD
    return labels


@st.composite
def signatures(draw: st.DrawFn) -> SbsSignature:
    schema = SbsSchema(1, TABLE)
    levels = draw(st.lists(st.integers(0, 4), min_size=schema.n_cells, max_size=schema.n_cells))
    return SbsSignature([c * 4 + v - 1 for c, v in enumerate(levels) if v], schema)


@given(signatures(), signatures())
def test_contributions_add_up_to_the_hamming_distance_of_the_bit_strings(a, b):
    explanation = explain(a, b)
    expected = int(np.unpackbits(a.to_bits() ^ b.to_bits()).sum())
    assert explanation.contributions.sum() == expected
    assert explanation.distance == expected
    assert explanation.block_distances.sum() == expected
    assert sum(bits for _, bits in explanation.class_distances()) == expected
    assert sum(cell["bits"] for cell in explanation.to_dict()["cells"]) == expected


@given(signatures(), signatures())
def test_swapping_the_two_swaps_the_kinds_and_keeps_the_agreement(a, b):
    swap = {"agree": "agree", "share": "share", "only-a": "only-b", "only-b": "only-a"}
    there, back = explain(a, b), explain(b, a)
    assert [swap[kind] for kind in there.kinds] == back.kinds
    np.testing.assert_array_equal(there.block_agreement, back.block_agreement)
    assert there.block_agreement.min() >= 0
    assert there.block_agreement.max() <= 1


@given(signatures())
def test_a_signature_agrees_with_itself_everywhere(a):
    explanation = explain(a, a)
    assert explanation.distance == 0
    assert set(explanation.kinds) <= {"agree"}
    assert (explanation.block_agreement == 1).all()
    assert explanation.sentence.startswith("no difference")


def test_worked_example():
    schema = SbsSchema(0, TABLE)
    a = SbsSignature([SKY * 4 + 3, HORSE * 4], schema)
    b = SbsSignature([SKY * 4 + 1, ROAD * 4 + 2], schema)
    explanation = explain(a, b)
    assert explanation.labels.tolist() == [SKY, HORSE, ROAD]
    assert explanation.kinds == ["share", "only-a", "only-b"]
    assert explanation.contributions.tolist() == [2, 2, 4]
    assert explanation.class_distances() == [("road", 4), ("sky", 2), ("horse", 2)]
    assert explanation.block_agreement.tolist() == [pytest.approx(1 - 8 / (7 + 7))]


def test_different_schemas_are_refused():
    with pytest.raises(SchemaMismatchError):
        explain(SbsSignature([], SbsSchema(0, TABLE)), SbsSignature([], SbsSchema(1, TABLE)))


def test_sentence_of_two_meadows():
    a, b = signature(meadow(road=True)), signature(meadow())
    assert explain(a, b, names=("the query", "the match")).sentence == (
        "grass at the bottom, sky on top and horse lower left in both; "
        "only the query has road lower right"
    )


def test_sentence_counts_objects_when_maps_are_given():
    one, two = (LabelMap(meadow(horses=n), TABLE) for n in (1, 2))
    s_one, s_two = signature(one.labels), signature(two.labels)
    assert describe(s_two, two) == "grass below, sky on top and two horses lower left"
    assert "one horse lower left" in explain(s_one, s_one, maps=(one, one)).sentence
    differing = explain(s_one, s_two, maps=(one, two), names=("A", "B")).sentence
    assert "horses lower left (one in A, two in B)" in differing


def test_a_class_that_moved_is_told_apart_from_one_that_is_missing():
    left = meadow()
    right = np.ascontiguousarray(left[:, ::-1])
    sentence = explain(signature(left), signature(right), names=("A", "B")).sentence
    assert "horse lower left in A but lower right in B" in sentence
    assert "only" not in sentence


def test_more_of_a_class():
    high, low = np.full((80, 80), GRASS, np.uint8), np.full((80, 80), GRASS, np.uint8)
    high[:20], low[:50] = SKY, SKY
    sentence = explain(signature(high), signature(low), names=("A", "B")).sentence
    assert "more grass in A" in sentence
    assert "more sky in B" in sentence


def test_nothing_in_common():
    a, b = np.full((8, 8), SKY, np.uint8), np.full((8, 8), ROAD, np.uint8)
    assert explain(signature(a), signature(b), names=("A", "B")).sentence == (
        "nothing in the same place in both; only A has sky everywhere; only B has road everywhere"
    )


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
def test_all_void_maps_are_described(levels):
    empty = np.full((9, 9), TABLE.void, np.uint8)
    label_map = LabelMap(empty, TABLE)
    assert describe(signature(empty, levels)) == "nothing that the classes name"
    assert describe(signature(empty, levels), label_map) == "nothing that the classes name"
    both = explain(signature(empty, levels), signature(empty, levels), maps=(label_map, label_map))
    assert both.sentence == "no difference"


def test_one_pixel_map():
    label_map = LabelMap([[SKY]], TABLE)
    assert describe(signature(label_map.labels, 0), label_map).startswith("sky")


def test_without_a_grid_there_are_no_place_words():
    assert describe(signature(meadow(), 0)) == "grass, sky and horse"


@given(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1))
def test_every_pattern_of_places_has_words(places):
    assert phrase(frozenset(places))


@given(st.sets(st.tuples(st.sampled_from([0, 2]), st.sampled_from([0, 2])), min_size=1))
def test_every_pattern_of_quarters_has_words(places):
    assert phrase(frozenset(places), (0, 2))


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ({(0, 0), (0, 1), (0, 2)}, "on top"),
        ({(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)}, "below"),
        ({(0, 0), (1, 0), (2, 0), (0, 2), (1, 2), (2, 2)}, "on both sides"),
        ({(2, 0)}, "lower left"),
        ({(1, 1)}, "in the centre"),
        ({(0, 0), (0, 2)}, "upper left and upper right"),
        ({(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)}, "around the centre"),
        ({(0, 0), (0, 2), (2, 0)}, "in several places"),
        ({(r, c) for r in range(3) for c in range(3)} - {(1, 1)}, "nearly everywhere"),
    ],
)
def test_place_words(places, words):
    assert phrase(frozenset(places)) == words


@pytest.mark.parametrize("levels", [4, 6, 8])
def test_blocks_finer_than_the_map_change_no_words(levels):
    labels = meadow(road=True)[::6, ::6]
    fine = signature(labels, levels)
    areas = Layout.of_signature(fine).areas
    assert areas.sum() == pytest.approx(1)
    assert areas[SKY] == pytest.approx(1 / 3, abs=0.03)
    assert describe(fine) == (
        "grass at the bottom, sky on top, road lower right and horse lower left"
    )


def test_void_counts_for_no_place_as_in_a_map():
    labels = meadow()
    labels[:, 60:] = TABLE.void
    of_signature, of_map = (
        Layout.of_signature(signature(labels)),
        Layout.of_map(LabelMap(labels, TABLE)),
    )
    np.testing.assert_allclose(of_signature.areas, of_map.areas, atol=0.06)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_layout_of_a_map_shares_out_the_known_pixels(height, width, seed):
    labels = np.random.default_rng(seed).integers(0, 6, (height, width)).astype(np.uint8)
    labels[labels == 5] = TABLE.void
    areas = Layout.of_map(LabelMap(labels, TABLE)).areas
    known = labels[labels != TABLE.void]
    expected = [np.count_nonzero(known == c) / max(known.size, 1) for c in range(5)]
    np.testing.assert_allclose(areas, expected)


def test_objects_are_counted_without_specks():
    labels = meadow(horses=3)
    labels[0, 0] = HORSE
    label_map = LabelMap(labels, TABLE)
    assert count_objects(label_map, HORSE) == 3
    assert count_objects(label_map, PERSON) == 0


def test_english():
    assert [plural(n) for n in ("horse", "bus", "person", "sheep", "fly", "monkey", "knife")] == [
        "horses",
        "buses",
        "people",
        "sheep",
        "flies",
        "monkeys",
        "knives",
    ]
    assert counted("person", 1) == "one person"
    assert counted("sheep", 2) == "two sheep"
    assert counted("bus", 14) == "14 buses"
    assert spoken("traffic-light") == "traffic light"
    assert is_thing("traffic-light")
    assert is_thing("tvmonitor")
    assert not is_thing("grass")
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert sentence_case("sky on top") == "Sky on top."
