"""Words that people use: plurals, synonyms, scenes, sentences, and how nearly photos meet them."""

from __future__ import annotations

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.errors import QueryError
from semsig.query import Lexicon, lexicon, parse, read_sentence
from semsig.query.conditions import LEAST
from semsig.query.groups import count_groups
from semsig.query.lexicon import VARIABLE, singulars
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap, SbsBatch

TABLE = ClassTable.builtin("semsig54")
ADE = ClassTable.builtin("ade20k")
SMALL = ClassTable(["sky", "sand", "sea", "person", "boat"])


@pytest.mark.parametrize(
    ("word", "classes"),
    [
        ("people", ["person"]),
        ("Women", ["person"]),
        ("horses", ["horse"]),
        ("buses", ["bus"]),
        ("ponies", ["horse"]),
        ("airplane", ["aeroplane"]),
        ("polar bears", ["bear"]),
        ("lions", ["bigcat"]),
        ("ocean", ["sea"]),
        ("pets", ["dog", "cat"]),
        ("palm trees", ["tree"]),
    ],
)
def test_words_stand_for_classes(word, classes):
    (group,) = lexicon().meaning(word, TABLE)
    assert [TABLE.names[label] for label in group] == classes


@pytest.mark.parametrize(
    ("scene", "conditions"),
    [
        ("beach", "sand, sea"),
        ("beaches", "sand, sea"),
        ("street", "road, building, car"),
        ("Meadow", "grass|tree|plant|field, sky"),
        ("forest", "tree"),
    ],
)
def test_scenes_stand_for_all_that_they_show(scene, conditions):
    assert str(parse(scene, TABLE)) == conditions
    assert str(read_sentence(f"a {scene}", TABLE)) == conditions


def test_a_class_of_its_own_goes_before_a_word():
    assert ADE.names[lexicon().meaning("house", ADE)[0][0]] == "house"
    assert TABLE.names[lexicon().meaning("house", TABLE)[0][0]] == "building"


def test_what_a_table_cannot_show_is_unknown_there():
    assert lexicon().meaning("beach", ClassTable(["sand", "sky"])) == ()
    with pytest.raises(QueryError, match="no class 'beach'"):
        parse("beach", ClassTable(["sand", "sky"]))


def test_every_word_of_the_table_is_known_somewhere():
    words = lexicon()
    tables = [TABLE, ADE, ClassTable.builtin("coco-stuff"), ClassTable.builtin("cityscapes")]
    known = {word for table in tables for word in words.words(table)}
    scenes = set(words.scenes) | set(words.any)
    assert scenes <= known


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("beach with two people, no boat", "sand, sea, person*2, boat<=1%"),
        ("a horse on the left and sky at the top", "horse:left, sky:top"),
        ("on the left a horse", "horse:left"),
        ("photos of cars or buses, without people and trees", "car|bus, person<=1%, tree<=1%"),
        ("two dogs in the lower right corner", "dog*2:bottom-right"),
        ("no boat but a person", "boat<=1%, person"),
        ("no cars and 3 elephants", "car<=1%, elephant*3"),
        ("sky, no animals", "sky, animals<=1%"),
        ("people:left, street", "person:left, road, building, car"),
        ("horse>10%, sky", "horse>10%, sky"),
        ("sky above", None),
        ("two", None),
        ("no street", None),
        ("", None),
    ],
)
def test_sentences(text, conditions):
    if conditions is None:
        with pytest.raises(QueryError):
            read_sentence(text, TABLE)
    else:
        found = read_sentence(text, TABLE)
        assert str(found) == conditions
        assert parse(str(found), TABLE) == found


def test_an_unknown_word_is_marked_and_near_ones_are_named():
    with pytest.raises(QueryError) as caught:
        read_sentence("two people at the beech", TABLE)
    assert "did you mean 'beach'" in str(caught.value)
    assert caught.value.position == len("two people at the ")


def test_users_add_words(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text(
        'same = [["sand", "dune"]]\n[scenes]\nbeach = ["sand"]\nregatta = ["boat", "sea"]\n'
    )
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine.toml"))
    assert str(parse("regatta", SMALL)) == "boat, sea"
    assert str(parse("beach, dunes", SMALL)) == "sand, sand"
    assert str(parse("people", SMALL)) == "person"
    assert "regatta" in lexicon().words(SMALL)


@pytest.mark.parametrize("text", ["= 1", "colour = 1", "same = 3", "any = [1]", "[any]\nx = 'y'"])
def test_wrong_words_are_refused(tmp_path, text):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(QueryError, match=r"bad\.toml"):
        Lexicon.open(tmp_path / "bad.toml")


def test_singulars():
    assert "city" in singulars("cities")
    assert "bus" in singulars("buses")
    assert singulars("people") == ["people", "person"]


def test_any_of_several_classes_adds_up_and_is_written_back():
    labels = np.zeros((8, 8), np.uint8)
    labels[:2], labels[2:4] = 1, 2
    batch = SbsBatch.of([sbs(LabelMap(labels, SMALL), 2)])
    either = parse("sand|sea", SMALL)
    assert str(either) == "sand|sea"
    np.testing.assert_allclose(either.shares(batch), [[0.5]])
    met, _ = parse("!sand|boat", SMALL).evaluate(batch)
    assert not met[0]
    with pytest.raises(QueryError, match="scene"):
        parse("beach|boat", SMALL)
    with pytest.raises(QueryError, match="scene"):
        parse("!beach", SMALL)


def signature(**shares: float):
    """A map of 100 rows, each class so many of them; the rest is sky."""
    labels = np.zeros((100, 8), np.uint8)
    row = 0
    for name, share in shares.items():
        labels[row : row + round(100 * share)] = SMALL.index(name)
        row += round(100 * share)
    return sbs(LabelMap(labels, SMALL), 0)


def test_nearness_ranks_what_is_missing_by_what_is_there():
    maps = [
        signature(sand=0.4, sea=0.3, person=0.1),
        signature(sand=0.4, sea=0.3),
        signature(sand=0.4),
        signature(),
    ]
    batch = SbsBatch.of(maps)
    near = parse("sand, sea, person", SMALL).nearness(batch)
    assert (np.diff(near) < 0).all()
    shares = parse("sand, sea, person", SMALL).shares(batch)
    np.testing.assert_allclose(near, ((shares + LEAST) / (1 + LEAST)).prod(1) ** (1 / 3))
    absent = parse("!sand", SMALL).nearness(batch)
    np.testing.assert_allclose(absent, 1 - shares[:, 0])


def test_a_number_ranks_photos_by_groups_of_blocks():
    one, two = (np.zeros((8, 8), np.uint8) for _ in range(2))
    one[2:4, 1:3] = 3
    two[2:3, 0:2], two[6:7, 5:7] = 3, 3
    batch = SbsBatch.of([sbs(LabelMap(each, SMALL), 3) for each in (one, two)])
    assert count_groups(batch, (3,)).tolist() == [1, 2]
    assert np.argmax(parse("person*1", SMALL).nearness(batch)) == 0
    assert np.argmax(parse("person*2", SMALL).nearness(batch)) == 1


def test_groups_are_counted_as_components_are():
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    maps = [(rng.random((8, 8)) < 0.15).astype(np.uint8) for _ in range(200)]
    batch = SbsBatch.of([sbs(LabelMap(each, SMALL), 3) for each in maps])
    counted = count_groups(batch, (1,))
    for each, count in zip(maps, counted.tolist(), strict=True):
        groups = cv2.connectedComponents(each, connectivity=8)[0] - 1
        holes = (
            cv2.connectedComponents(np.pad(1 - each, 1, constant_values=1), connectivity=4)[0] - 2
        )
        assert count == (max(1, groups - holes) if groups else 0)


def test_conditions_that_were_read_are_conditions():
    found = read_sentence("beach, no boat", SMALL)
    assert parse(found, SMALL) is found
    with pytest.raises(QueryError, match="class table"):
        parse(found, TABLE)


def test_every_word_of_kinds_and_same_is_reached():
    words = lexicon()
    tables = [ClassTable.builtin(name) for name in ("semsig54", "ade20k", "coco-stuff", "voc")]
    every = {word for line in words.same for word in line}
    every |= {word for line in words.kinds.values() for word in line}
    assert [word for word in every if not any(words.meaning(word, t) for t in tables)] == []
