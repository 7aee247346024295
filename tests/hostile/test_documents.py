"""Documents are not trusted: each odd value is read correctly or refused by a named error."""

from __future__ import annotations

import copy
import io
import json
import sys
import time

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.datasets.descriptions import load_dataset
from semsig.documents import Entries, parse_json, parse_toml
from semsig.errors import (
    CheckpointError,
    ClassTableError,
    DatasetError,
    IndexCorruptError,
    SegmenterError,
    SemsigError,
    VocabularyError,
)
from semsig.photo import PhotoRecord
from semsig.segment import load_segmenter
from semsig.segment.card import NetworkCard
from semsig.segment.reading import read_coding
from semsig.signatures import KeypointCache, Vocabulary, default_vocabulary
from semsig.signatures.sbovp.keypoint_cache import _read
from semsig.synthetic import write_scenes
from tests.hostile.odd import ODD, TEXTS, places, put

TABLE = {"name": "t", "names": ["sky", "sea"], "palette": [[1, 2, 3], [4, 5, 6]]}
CARD = {
    "sha256": "0" * 64,
    "opset": 17,
    "short_side": 192,
    "provenance": {"from": "here"},
    "table": "t",
    "classes": ["sky", "sea"],
    "palette": [[1, 2, 3], [4, 5, 6]],
}


def changed(document):
    """Every document with one odd value, or without one key."""
    for place in places(document):
        for odd in [*ODD, KeyError]:
            other = copy.deepcopy(document)
            put(other, place, odd)
            yield place, odd, other


def test_a_card_is_as_it_should_be_or_refused(tmp_path):
    network, count = tmp_path / "net.onnx", 0
    for place, odd, document in changed(CARD):
        network.with_suffix(".json").write_text(json.dumps(document))
        try:
            card = NetworkCard.read(network)
        except CheckpointError:
            count += 1
            continue
        assert isinstance(card.sha256, str), place
        assert 64 <= card.short_side <= 1024, (place, odd)
        assert 1 <= card.opset <= 1000
        assert 1 <= len(card.classes) <= 2
        card.classes.fingerprint.encode()
    assert count > 200


@pytest.mark.parametrize("text", TEXTS)
def test_texts_that_are_no_card(tmp_path, text):
    (tmp_path / "net.json").write_bytes(text)
    with pytest.raises(CheckpointError):
        NetworkCard.read(tmp_path / "net.onnx")


def vocabulary(card, words=None) -> bytes:
    body = io.BytesIO()
    text = card if isinstance(card, bytes) else json.dumps(card).encode()
    words = default_vocabulary().words if words is None else words
    np.savez(body, words=words, card=np.frombuffer(text, np.uint8))
    return body.getvalue()


@pytest.fixture
def good_card(tmp_path):
    default_vocabulary().save(tmp_path / "good.npz")
    with np.load(tmp_path / "good.npz") as arrays:
        return json.loads(arrays["card"].tobytes())


def test_a_vocabulary_is_the_one_of_its_fingerprint_or_refused(tmp_path, good_card):
    path, count = tmp_path / "v.npz", 0
    for _, _, document in changed(good_card):
        path.write_bytes(vocabulary(document))
        try:
            assert Vocabulary.open(path).fingerprint == default_vocabulary().fingerprint
        except VocabularyError:
            count += 1
    assert count > 150


@pytest.mark.parametrize("text", TEXTS)
def test_texts_that_are_no_vocabulary(tmp_path, text):
    for content in (text, vocabulary(text)):
        (tmp_path / "v.npz").write_bytes(content)
        with pytest.raises(VocabularyError):
            Vocabulary.open(tmp_path / "v.npz")


@pytest.mark.parametrize(
    "words",
    [
        np.zeros((0, 64), np.float32),
        np.full((5, 64), np.nan),
        np.full((5, 64), np.inf),
        np.zeros((5, 63)),
        np.zeros(64),
        np.array("text"),
        np.zeros((5, 64), np.complex64),
        np.zeros((5, 64), "M8[s]"),
    ],
)
def test_words_that_are_none(tmp_path, good_card, words):
    (tmp_path / "v.npz").write_bytes(vocabulary(good_card, words))
    with pytest.raises(VocabularyError):
        Vocabulary.open(tmp_path / "v.npz")


def toml(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return str(value)
    return "1979-05-27" if value is None else json.dumps(value)


def as_toml(document) -> bytes:
    return "\n".join(f"{key} = {toml(value)}" for key, value in document.items()).encode()


def test_a_class_table_is_as_written_or_refused(tmp_path):
    path, count = tmp_path / "classes.toml", 0
    for place, odd, document in changed(TABLE):
        path.write_bytes(as_toml(document))
        try:
            table = ClassTable.from_toml(path)
        except ClassTableError:
            count += 1
            continue
        assert list(table.names) == document["names"], (place, odd)
        assert len(table.palette) == len(table.names)
        assert all(0 <= c <= 255 for color in table.palette for c in color)
    assert count > 120


def test_names_that_are_one_text_are_no_list_of_letters(tmp_path):
    path = tmp_path / "classes.toml"
    path.write_text('name = "t"\nnames = "sky"\n')
    with pytest.raises(ClassTableError, match="expected names to be a list, got 'sky'"):
        ClassTable.from_toml(path)


@pytest.mark.parametrize("text", [*TEXTS, b"a = " + b"[" * 100_000, b"a = " + b"9" * 9000])
def test_texts_that_are_no_class_table(tmp_path, text):
    for name in ("classes.toml", "classes.txt"):
        (tmp_path / name).write_bytes(text)
        try:
            read_coding(tmp_path / name)
        except Exception as error:
            assert type(error).__name__ == "SegmenterError"  # noqa: PT017
        else:
            assert name == "classes.txt", "a word alone is a class"


def test_half_a_character_is_no_name():
    with pytest.raises(ClassTableError, match="UTF-8"):
        ClassTable(["sky", "\ud800"])


DATASET = {
    "name": "d",
    "title": "D",
    "reference": "r",
    "licence": "l",
    "source": "s",
    "mode": "query-in-ground-truth",
    "cutoff": 5,
    "classes": ["a", "b"],
    "class_sizes": [3, 4],
    "aliases": {"a": ["x"]},
    "layouts": [{"name": "n", "pattern": "(?P<class>[^/]+)/.*", "first": 0, "per_class": 1}],
}


def test_a_description_is_as_written_or_refused(tmp_path):
    path, count = tmp_path / "d.toml", 0
    started = time.monotonic()
    for place, odd, document in changed(DATASET):
        path.write_bytes(as_toml(document))
        try:
            dataset = load_dataset(path)
        except DatasetError:
            count += 1
            continue
        assert len(dataset.content.splits[""]) == len(document.get("classes", ())), (place, odd)
        assert dataset.cutoff is None or dataset.cutoff >= 1
    assert count > 250
    assert time.monotonic() - started < 60


def test_a_class_count_that_fills_the_memory_is_refused(tmp_path):
    document = {**DATASET, "class_count": 10**12, "class_sizes": 1}
    del document["classes"]
    (tmp_path / "d.toml").write_bytes(as_toml(document))
    with pytest.raises(DatasetError, match="class_count"):
        load_dataset(tmp_path / "d.toml")


@pytest.mark.parametrize("text", [*TEXTS, b"a = " + b"[" * 100_000])
def test_texts_that_are_no_description(tmp_path, text):
    (tmp_path / "d.toml").write_bytes(text)
    with pytest.raises(DatasetError):
        load_dataset(tmp_path / "d.toml")


def test_a_photo_record_has_its_types_or_is_refused():
    good = json.loads(PhotoRecord(path="/a", digest="0", size=1, mtime_ns=2).to_json())
    assert PhotoRecord.from_json(json.dumps(good)).path == "/a"
    for _, _, document in changed(good):
        try:
            record = PhotoRecord.from_json(json.dumps(document))
        except IndexCorruptError:
            continue
        assert isinstance(record.path, str)
        assert isinstance(record.is_fresh, bool)
        assert isinstance(record.size, int)
    for path in ("", "\0", "a\0b"):
        with pytest.raises(IndexCorruptError, match="photo record"):
            PhotoRecord.from_json(json.dumps({**good, "path": path}))
    for text in TEXTS:
        with pytest.raises(IndexCorruptError):
            PhotoRecord.from_json(text.decode("latin-1"))


@pytest.mark.parametrize("text", TEXTS)
def test_a_damaged_cache_entry_counts_as_absent(tmp_path, text):
    import hashlib

    path = tmp_path / "a.kp"
    for content in (text, hashlib.sha256(text).digest() + text):
        path.write_bytes(content)
        assert _read(path) is None
    assert KeypointCache(tmp_path).folder == tmp_path


@pytest.mark.parametrize("text", TEXTS)
def test_lines_of_a_run_that_are_damaged(tmp_path, text):
    pytest.importorskip("torch")
    from semsig.distill.checkpoint import RunLog

    log = RunLog(tmp_path / "log.jsonl")
    log.append({"views": 1.0, "loss": 0.5})
    assert log.rows() == [{"views": 1.0, "loss": 0.5}]
    (tmp_path / "log.jsonl").write_bytes(text or b"\n")
    with pytest.raises(CheckpointError, match=r"log\.jsonl is damaged"):
        log.rows()


class TestEntries:
    def test_each_value_is_read_by_its_type_and_range(self):
        entries = Entries({"t": "x", "n": 5, "f": 0.5, "l": ["a"], "b": True, "d": {"k": 1}})
        assert entries.text("t") == "x"
        assert entries.whole("n", 5, 5) == 5
        assert (entries.number("f"), entries.number("n")) == (0.5, 5.0)
        assert entries.texts("l") == ("a",)
        assert entries.flag("b") is True
        assert entries.table("d").whole("k") == 1
        assert (entries.text("absent", "y"), entries.whole("absent", default=3)) == ("y", 3)

    @pytest.mark.parametrize("odd", ODD)
    def test_what_is_of_another_type_is_named(self, odd):
        entries = Entries({"key": odd})
        for read in (entries.text, entries.whole, entries.number, entries.texts, entries.flag):
            try:
                found = read("key")
            except ValueError as error:
                assert "key" in str(error) or "surrogates" in str(error)  # noqa: PT017
                assert len(str(error)) < 300  # noqa: PT017
            else:
                assert found == (tuple(odd) if read == entries.texts else odd)

    def test_missing_and_unknown_keys(self):
        with pytest.raises(ValueError, match="expected an entry 'a', got none"):
            Entries({}).text("a")
        with pytest.raises(ValueError, match="expected only a, b, got 'c'"):
            Entries({"a": 1, "c": 2}).only("a", "b")
        for value in (None, [], "x", {1: 2}):
            with pytest.raises(ValueError, match="expected the document to be a table"):
                Entries(value)

    def test_a_whole_number_is_no_fraction_and_no_truth(self):
        for odd in (1.0, True, "1"):
            with pytest.raises(ValueError, match="whole number"):
                Entries({"n": odd}).whole("n")

    @pytest.mark.parametrize("parse", [parse_json, parse_toml])
    def test_depth_is_a_value_error_whatever_the_limit(self, parse):
        limit = sys.getrecursionlimit()
        with pytest.raises(ValueError, match="deeply"):
            parse((b"a = " if parse is parse_toml else b"") + b"[" * (100 * limit))


LONG = "9" * 5000
"""More digits than Python converts to a number."""


@pytest.mark.parametrize("name", [f"lite@{LONG}", f"onnx:x@{LONG}", "lite@99999", f"hrnet@{LONG}"])
def test_a_side_of_any_length_is_out_of_range(name):
    with pytest.raises(SemsigError):
        load_segmenter(name)


@pytest.mark.parametrize("line", [f"{LONG} sky", f"sky {LONG} 1 2", f"{LONG} 1 2 sky"])
def test_a_number_of_any_length_is_no_class(tmp_path, line):
    (tmp_path / "classes.txt").write_text(f"{line}\n")
    with pytest.raises(SegmenterError):
        read_coding(tmp_path / "classes.txt")


def test_commands_take_numbers_of_any_length_for_too_large(tmp_path, run):
    index = tmp_path / "index"
    write_scenes(tmp_path, 1)
    phrases = "index", tmp_path, "--index", index, "--signature", "sbs,sbovp", "--vocabulary"
    for words in (
        (*phrases, LONG),
        (*phrases, f"kaze-{LONG}"),
        ("search", "--has", f"sky>{LONG}%", "--index", index),
        ("index", tmp_path, "--index", index, "--levels", LONG),
    ):
        code, _, err = run(*words)
        assert (code in (1, 2), "Traceback" in err) == (True, False), words
