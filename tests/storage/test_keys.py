"""Keys and JSON payloads: found, iterated, filtered, and kept on disk as texts of format 1."""

from __future__ import annotations

import numpy as np
import pytest

from semsig.errors import DuplicateIdError, IndexCorruptError, OptionError, UnknownIdError
from semsig.storage.keys import MARK, read_text, write_text

EVERY_KIND = True

VALUES = ["text", "", 7, 1.5, None, True, {"shop": "A", "tags": ["x", "ü"]}, MARK + "odd", [1, 2]]


@pytest.fixture
def keyed(kind, make):
    index = kind.index(kind.schema)
    payloads = [{"shop": "A", "year": 1999 + n} for n in range(3)] + ["plain"]
    index.add([make(n) for n in range(4)], keys=["a", "b", "c", None], payloads=payloads)
    return index


def test_keys_find_rows(keyed, make):
    entry = keyed.get("b")
    assert (entry.id, entry.key, entry.payload) == (1, "b", {"shop": "A", "year": 2000})
    assert entry.signature == make(1)
    assert keyed.get(3).key is None
    assert keyed.get(3).payload == "plain"
    assert keyed.get("nowhere") is None
    assert keyed.get("nowhere", 0) == 0
    assert keyed.signature("c") == make(2)
    assert keyed.payload("a")["year"] == 1999


def test_in_and_iteration(keyed):
    assert list(keyed) == ["a", "b", "c", 3]
    assert list(keyed.keys) == ["a", "b", "c", None]
    held = ["a", 0, np.int64(3)]
    assert all(key in keyed for key in held)
    assert not any(key in keyed for key in ["d", 9, -1, None, 1.5, True, ["a"]])


def test_payloads_choose_what_is_searched(keyed, make):
    assert keyed.where(shop="A", year=2001).tolist() == [2]
    assert keyed.where(lambda payload: payload == "plain").tolist() == [3]
    among = keyed.where(lambda payload: payload["year"] > 1999, shop="A")
    assert among.tolist() == [1, 2]
    found = keyed.search(make(0), 4, filter_ids=among)[1]
    assert sorted(found.ravel().tolist()) == [-1, -1, 1, 2]
    found = keyed.search(make(0), 2, filter_ids=["a", "c"])[1]
    assert sorted(found.ravel().tolist()) == [0, 2]
    with pytest.raises(OptionError, match="function"):
        keyed.where("shop")


def test_a_key_is_held_once(keyed, make):
    with pytest.raises(DuplicateIdError, match="'a'"):
        keyed.add([make(9)], keys=["a"])
    with pytest.raises(DuplicateIdError, match="twice"):
        keyed.add([make(9), make(8)], keys=["new", "new"])
    assert len(keyed) == 4


@pytest.mark.parametrize("keys", [["a", "b"], "x", [5], [""], 7, [b"x"]])
def test_wrong_keys_are_refused(kind, make, keys):
    index = kind.index(kind.schema)
    with pytest.raises(OptionError):
        index.add([make(0)], keys=keys)
    assert len(index) == 0


@pytest.mark.parametrize("payload", [{1, 2}, object(), float("nan"), b"bytes"])
def test_payloads_are_json(kind, make, payload):
    with pytest.raises(OptionError, match="JSON"):
        kind.index(kind.schema).add([make(0)], payloads=[payload])


def test_removing_and_replacing_by_key(keyed, make):
    keyed.replace("b", [make(20)], payloads=[{"shop": "B"}])
    assert keyed.signature("b") == make(20)
    assert list(keyed) == ["a", "c", 3, "b"]
    keyed.replace([0], [make(30)])
    assert keyed.signature("a") == make(30)
    keyed.remove(["a", "c"])
    assert "a" not in keyed
    assert list(keyed) == [3, "b"]
    keyed.add([make(5)], keys=["a"])
    assert keyed.signature("a") == make(5)
    with pytest.raises(UnknownIdError, match="'zzz'"):
        keyed.remove(["zzz"])
    with pytest.raises(OptionError, match="both"):
        keyed.remove(["a", 3])


def test_keys_and_values_survive_on_disk(kind, make, tmp_path):
    index = kind.index(kind.schema)
    keys = [f"photo {n}/\udc80.jpg" for n in range(len(VALUES))]
    index.add([make(n) for n in range(len(VALUES))], keys=keys, payloads=VALUES)
    index.add([make(n) for n in range(len(VALUES))], payloads=VALUES)
    index.save(tmp_path / "index")
    stored = kind.index.open(tmp_path / "index")
    assert list(stored.payloads) == VALUES * 2
    assert list(stored.keys) == keys + [None] * len(VALUES)
    assert stored.get(keys[6]).payload == VALUES[6]
    stored.remove(keys[:3])
    stored.compact()
    assert next(iter(kind.index.open(tmp_path / "index").keys)) == keys[3]


def test_plain_texts_are_stored_as_before():
    assert write_text("as ever", None) == "as ever"
    assert read_text("as ever") == (None, "as ever")


def test_a_damaged_text_is_named():
    with pytest.raises(IndexCorruptError, match="verify"):
        read_text(MARK + "{")
