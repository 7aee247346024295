import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig.classes import ClassTable
from semsig.errors import OptionError, SignatureError
from semsig.signatures import Vocabulary
from semsig.signatures.sbovp.encoding import SbovpOptions, link_words, sbovp, sbovp_batch
from semsig.signatures.sbovp.keypoints import KeypointOptions
from semsig.types import Keypoints, LabelMap
from tests.reference.sbovp import histogram

ABC = ClassTable(["a", "b", "c"])
VOID = ABC.void
UNIT = np.eye(64, dtype=np.float32)
WORDS = Vocabulary(words=UNIT[:4], detector="kaze", options=KeypointOptions())
VISUAL = SbovpOptions(words="visual")


def keypoints(points, words=None, size=(8, 8)):
    """Keypoints at x, y; descriptors are words, set a little apart by their order."""
    words = [0] * len(points) if words is None else words
    descriptors = UNIT[np.array(words, int)] + np.arange(len(points))[:, None] * UNIT[60] / 64
    return Keypoints(np.reshape(points, (-1, 2)), descriptors, np.zeros(len(points)), size)


def counts(signature):
    return dict(zip(signature.columns.tolist(), signature.counts.tolist(), strict=True))


def test_a_signature_made_by_hand():
    # Left half class 0, right half class 2, last row void.
    labels = np.zeros((8, 8), int)
    labels[:, 4:] = 2
    labels[7] = VOID
    places = [(0, 0), (1, 0), (3, 6), (5, 5), (6, 5), (7, 0), (2, 7)]
    found = keypoints(places, [0, 1, 1, 3, 2, 3, 0])
    by_place = SbovpOptions(space="picture")
    signature = sbovp(found, LabelMap(labels, ABC), WORDS, by_place)
    # class 0: 0-1, 1-0, 2-1; class 2: 3-4, 4-3, 5-4; the last lies on void.
    # pairs of words: (0, 1) twice, (1, 1); (2, 3) twice and once more.
    assert counts(signature) == {1: 2, 4: 1, 20 + 8: 3}
    assert signature.labels.tolist() == [0, 0, 2]
    assert signature.word_pairs.tolist() == [[0, 1], [1, 1], [2, 3]]
    visual = dataclasses.replace(by_place, words="visual")
    assert counts(sbovp(found, LabelMap(labels, ABC), WORDS, visual)) == {1: 2, 4: 1, 8: 3}


@st.composite
def photos(draw):
    count = draw(st.integers(0, 12))
    number = st.integers(0, 7)
    points = draw(st.lists(st.tuples(number, number), min_size=count, max_size=count))
    words = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    labels = draw(st.lists(st.sampled_from([0, 1, 2, VOID]), min_size=64, max_size=64))
    return keypoints(points, words), LabelMap(np.reshape(labels, (8, 8)), ABC)


@settings(max_examples=60)
@given(
    photos(),
    st.integers(2, 4),
    st.sampled_from(["semantic", "visual"]),
    st.sampled_from(["descriptor", "picture"]),
)
def test_counts_as_the_definition_says(photo, length, words, space):
    found, label_map = photo
    options = SbovpOptions(length=length, words=words, space=space)
    signature = sbovp(found, label_map, WORDS, options)
    x, y = found.points.astype(int).T
    own = found.descriptors[:, :4].argmax(1) if len(found) else []
    features = found.descriptors if space == "descriptor" else found.points
    expected = histogram(
        features, own, label_map.labels[y, x].tolist(), VOID, 4, length, words == "semantic"
    )
    assert counts(signature) == expected
    assert sbovp_batch([found] * 3, [label_map] * 3, WORDS, options)[2] == signature


@pytest.mark.parametrize("length", [2, 3, 4])
def test_a_region_of_many_counts_pairs_a_phrase(length):
    found = keypoints([(i % 8, i // 8) for i in range(64)], np.arange(64) % 4)
    label_map = LabelMap(np.zeros((8, 8), int), ABC)
    signature = sbovp(found, label_map, WORDS, SbovpOptions(length=length))
    assert signature.counts.sum() == 64 * length * (length - 1) // 2


def test_semantic_words_are_visual_words_told_apart_by_class():
    chance = np.random.default_rng(0)
    found = keypoints(chance.uniform(0, 7, (50, 2)), chance.integers(0, 4, 50))
    label_map = LabelMap(chance.integers(0, 3, (8, 8)), ABC)
    semantic = sbovp(found, label_map, WORDS).to_dense().reshape(3, -1)
    visual = sbovp(found, label_map, WORDS, VISUAL).to_dense()
    np.testing.assert_array_equal(semantic.sum(0), visual)


@pytest.mark.parametrize("scale", [(1, 1), (3, 2), (40, 31)])
def test_label_maps_of_another_size_are_scaled_to(scale):
    labels = np.array([[0, 1], [2, VOID]])
    big = np.kron(labels, np.ones(scale, int))
    chance = np.random.default_rng(1)
    found = keypoints(chance.uniform(-0.5, 7.49, (40, 2)), chance.integers(0, 4, 40))
    expected = sbovp(found, LabelMap(labels, ABC), WORDS)
    assert sbovp(found, LabelMap(big, ABC), WORDS) == expected
    assert expected.counts.sum() > 20


def test_points_outside_the_photo_belong_to_its_border():
    found = keypoints([(-3, -0.6), (9, 9), (0, 0)])
    label_map = LabelMap([[0, 1], [1, 0]], ABC)
    assert sbovp(found, label_map, WORDS).counts.tolist() == [3]


def test_components_of_a_class_are_regions_of_their_own():
    labels = np.array([[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 1, 1], [0, 1, 0, 0]])
    found = keypoints([(0, 0), (3, 0), (3, 3), (2, 1), (1, 3), (1, 0)], size=(4, 4))
    label_map = LabelMap(labels, ABC)
    options = SbovpOptions(regions="components")
    _, ends = link_words(found, label_map, WORDS, options.schema(WORDS, ABC))
    assert {tuple(sorted(pair)) for pair in ends.tolist()} == {(1, 3), (4, 5)}
    _, ends = link_words(found, label_map, WORDS, SbovpOptions().schema(WORDS, ABC))
    assert {tuple(sorted(pair)) for pair in ends.tolist()} == {(0, 1), (1, 2), (2, 3), (4, 5)}


def test_components_touch_at_corners():
    label_map = LabelMap([[0, 1], [1, 0]], ABC)
    found = keypoints([(0, 0), (1, 1)], size=(2, 2))
    options = SbovpOptions(regions="components")
    assert sbovp(found, label_map, WORDS, options).counts.tolist() == [2]


@pytest.mark.parametrize("options", [SbovpOptions(), SbovpOptions(regions="components")])
def test_nothing_to_link_gives_an_empty_signature(options):
    full = LabelMap(np.zeros((8, 8), int), ABC)
    void = LabelMap(np.full((8, 8), VOID), ABC)
    for found, label_map in (
        (keypoints([]), full),
        (keypoints([(1, 1)]), full),
        (keypoints([(1, 1), (2, 2)]), void),
        (keypoints([(1, 1), (6, 6)]), LabelMap(np.repeat([0, 1], 4)[:, None], ABC)),
    ):
        signature = sbovp(found, label_map, WORDS, options)
        assert len(signature.columns) == 0
        assert (signature.columns.dtype, signature.counts.dtype) == (np.uint32, np.uint16)


def test_the_highest_class_of_a_wide_table():
    wide = ClassTable([f"c{i}" for i in range(300)])
    label_map = LabelMap([[299]], wide)
    signature = sbovp(keypoints([(0, 0), (5, 5)], [3, 3]), label_map, WORDS)
    assert counts(signature) == {300 * 10 - 1: 2}


@pytest.mark.slow
def test_counts_stop_at_65535():
    one = Vocabulary(words=UNIT[:1], detector="kaze", options=KeypointOptions())
    found = Keypoints(np.zeros((11_000, 2)), np.ones((11_000, 64)), np.zeros(11_000), (1, 1))
    options = SbovpOptions(length=4, space="picture")
    assert sbovp(found, LabelMap([[0]], ABC), one, options).counts.tolist() == [65_535]


def test_a_batch_of_photos():
    chance = np.random.default_rng(2)
    found = [keypoints(chance.uniform(0, 7, (i, 2))) for i in range(30)]
    maps = [LabelMap(chance.integers(0, 3, (5, 4)), ABC) for _ in range(30)]
    batch = sbovp_batch(found, maps, WORDS, VISUAL)
    assert list(batch) == [sbovp(*photo, WORDS, VISUAL) for photo in zip(found, maps, strict=True)]
    assert batch.schema.words == "visual"


def test_a_batch_needs_photos_over_one_table():
    a, b = LabelMap([[0]], ABC), LabelMap([[0]], ClassTable(["x"]))
    for found, maps in (([], []), ([keypoints([])], []), ([keypoints([])] * 2, [a, b])):
        with pytest.raises(SignatureError):
            sbovp_batch(found, maps, WORDS)


def test_the_schema_says_what_a_signature_was_made_with():
    options = SbovpOptions(length=3, norm="l2")
    schema = sbovp(keypoints([]), LabelMap([[0]], ABC), WORDS, options).schema
    assert schema == options.schema(WORDS, ABC)
    assert (schema.detector, schema.n_words, schema.length, schema.norm) == ("kaze", 4, 3, "l2")
    assert schema.vocabulary == WORDS.fingerprint


@pytest.mark.parametrize(
    ("name", "value"),
    [("words", "both"), ("space", "time"), ("length", 5), ("regions", ""), ("norm", "l1")],
)
def test_refuses_options(name, value):
    with pytest.raises(OptionError, match=name):
        SbovpOptions(**{name: value})
