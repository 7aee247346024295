import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig.errors import OptionError, SignatureError, VocabularyError
from semsig.signatures.sbovp import training
from semsig.signatures.sbovp.keypoints import KeypointOptions, load_detector
from semsig.signatures.sbovp.training import train_vocabulary
from semsig.signatures.sbovp.vocabulary import Vocabulary, default_sizes, default_vocabulary
from semsig.types import Keypoints

KAZE = load_detector("kaze")


def vocabulary(words=None, **changed):
    words = np.arange(128).reshape(2, 64) if words is None else words
    return Vocabulary(
        **{"words": words, "detector": "kaze", "options": KAZE.options, "training": "é"} | changed
    )


def grouped(groups, photos=6, each=40):
    """Photos whose descriptors lie close to one of `groups` far-apart centres."""
    chance = np.random.default_rng(0)
    centres = np.eye(64)[:groups] * 9
    for _ in range(photos):
        descriptors = centres[chance.integers(0, groups, each)]
        descriptors = descriptors + chance.normal(0, 0.01, descriptors.shape)
        yield Keypoints(np.zeros((each, 2)), descriptors, np.zeros(each), (9, 9))


@settings(max_examples=40)
@given(st.integers(1, 30), st.integers(0, 50), st.integers(0, 2**32 - 1))
def test_assigns_the_nearest_word(n_words, count, seed):
    chance = np.random.default_rng(seed)
    words, descriptors = chance.normal(size=(n_words, 64)), chance.normal(size=(count, 64))
    nearest = vocabulary(words).assign(descriptors.astype(np.float32))
    apart = ((descriptors[:, None] - words) ** 2).sum(-1)
    assert nearest.shape == (count,)
    chosen = np.take_along_axis(apart, nearest[:, None], 1)
    np.testing.assert_allclose(chosen[:, 0], apart.min(1), rtol=1e-5)


def test_of_equally_near_words_the_first_is_taken():
    same = vocabulary(np.ones((5, 64)))
    assert same.assign(np.zeros((3, 64), np.float32)).tolist() == [0, 0, 0]


def test_words_are_their_own_nearest():
    words = np.random.default_rng(0).normal(size=(40, 64)).astype(np.float32)
    assert vocabulary(words).assign(words).tolist() == list(range(40))


def test_a_file_gives_back_the_vocabulary(tmp_path):
    first = vocabulary()
    first.save(tmp_path / "v.npz")
    again = Vocabulary.open(tmp_path / "v.npz")
    np.testing.assert_array_equal(again.words, first.words)
    assert (again.detector, again.options, again.training) == ("kaze", KAZE.options, "é")
    assert again.fingerprint == first.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["v.npz"]


def test_words_detector_and_options_make_the_fingerprint():
    first = vocabulary()
    assert first.fingerprint == vocabulary(training="other").fingerprint
    for changed in (
        {"words": np.arange(1, 129).reshape(2, 64)},
        {"detector": "surf"},
        {"options": KeypointOptions(octaves=3)},
    ):
        assert vocabulary(**changed).fingerprint != first.fingerprint


def test_every_damaged_byte_is_noticed_or_changes_nothing(tmp_path):
    path = tmp_path / "v.npz"
    vocabulary().save(path)
    content = path.read_bytes()
    noticed = 0
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        try:
            again = Vocabulary.open(path)
        except VocabularyError:
            noticed += 1
        else:
            np.testing.assert_array_equal(again.words, vocabulary().words)
    assert noticed > len(content) / 7 / 2


def test_refuses_files_that_are_no_vocabulary(tmp_path):
    path = tmp_path / "v.npz"
    for content in (b"", b"PK", b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(VocabularyError, match=r"v\.npz"):
            Vocabulary.open(path)
    np.savez(path, words=np.ones((2, 64)))
    with pytest.raises(VocabularyError, match="no vocabulary"):
        Vocabulary.open(path)
    np.savez(path, words=np.array([{}], object), card=np.zeros(1, np.uint8), allow_pickle=True)
    with pytest.raises(VocabularyError, match="no vocabulary"):
        Vocabulary.open(path)
    with pytest.raises(VocabularyError, match="No such file"):
        Vocabulary.open(tmp_path / "absent.npz")
    with pytest.raises(VocabularyError, match="cannot be written"):
        vocabulary().save(tmp_path / "absent" / "v.npz")


@pytest.mark.parametrize(
    "words", [np.zeros((0, 64)), np.zeros((2, 63)), np.zeros(64), np.full((1, 64), np.nan)]
)
def test_refuses_words(words):
    with pytest.raises(SignatureError, match=r"[Ww]ords"):
        vocabulary(words)


def test_words_are_kept_read_only_and_apart():
    words = np.ones((2, 64))
    kept = vocabulary(words)
    words[0] = 0
    assert kept.words.min() == 1
    assert kept.words.dtype == np.float32
    assert not kept.words.flags.writeable


@pytest.mark.parametrize("large", [False, True])
def test_training_finds_the_groups(monkeypatch, large):
    if large:
        monkeypatch.setattr(training, "_LARGE", 0)
    steps = []
    learned = train_vocabulary(
        grouped(3), KAZE, words=3, training="boxes", progress=lambda *at: steps.append(at)
    )
    centres = learned.words[np.argsort(learned.words @ np.arange(64))]
    np.testing.assert_allclose(centres, np.eye(64)[:3] * 9, atol=0.05)
    assert (learned.detector, learned.options, learned.training) == (
        "kaze", KAZE.options, "boxes",
    )  # fmt: skip
    assert steps[0][0] == 0
    assert steps[-1][0] == steps[-1][1]
    again = train_vocabulary(grouped(3), KAZE, words=3)
    if not large:
        assert again.fingerprint == learned.fingerprint


def test_training_draws_from_photos_with_many_keypoints(monkeypatch):
    monkeypatch.setattr(training, "PER_PHOTO", 3)
    with pytest.raises(OptionError, match="gave 18"):
        train_vocabulary(grouped(3), KAZE, words=19)


@pytest.mark.parametrize("words", [0, 5])
def test_training_needs_as_many_descriptors_as_words(words):
    with pytest.raises(OptionError, match="fewer words"):
        train_vocabulary([Keypoints.none((4, 4)), *grouped(2, 1, 4)], KAZE, words=words)


@pytest.mark.parametrize("detector", ["kaze", "surf"])
def test_vocabularies_are_shipped(detector):
    for size in default_sizes(detector):
        shipped = default_vocabulary(detector, size)
        assert (len(shipped), shipped.detector) == (size, detector)
        assert shipped.options == load_detector(detector).options
    assert len(default_vocabulary(detector)) in default_sizes(detector)
    with pytest.raises(OptionError, match="there are 5, "):
        default_vocabulary(detector, 7)
