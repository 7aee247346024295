"""A manifest is parsed, not trusted: whatever it says, the index opens or an error says why."""

from __future__ import annotations

import copy
import hashlib
import json
import multiprocessing
import pickle
import sys
import threading
import time

import pytest

from semsig.errors import IndexLockedError, IndexStorageError, OptionError

ODD = [None, True, -1, 1.5, "x", [], {}, 2**70, float("nan"), float("inf"), [[]], {"a": 1}]
PLACES = [
    ("format",),
    ("version",),
    ("generation",),
    ("next_id",),
    ("meta",),
    ("segments",),
    ("segments", 0),
    ("segments", 0, "rows"),
    ("segments", 0, "n_cells"),
    ("segments", 0, "dead"),
    ("segments", 0, "removed"),
    ("segments", 0, "files"),
    ("segments", 0, "files", "ids"),
    ("segments", 0, "files", "ids", "bytes"),
    ("segments", 0, "files", "ids", "name"),
    ("schema",),
    ("schema", "classes"),
    ("schema", "classes", "names"),
    ("schema", "classes", "palette"),
]


def rewrite(folder, change):
    """Change a manifest and correct its checksum, as an attacker would."""
    path = folder / "manifest.json"
    document = json.loads(path.read_bytes())
    document.pop("sha256")
    change(document)
    text = json.dumps(document, sort_keys=True)
    document["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_odd_values_and_missing_keys_are_errors_of_the_index(kind, stored, place):
    whole, refused = (stored.path / "manifest.json").read_bytes(), 0
    for odd in [*ODD, KeyError]:
        (stored.path / "manifest.json").write_bytes(whole)
        rewrite(stored.path, lambda document, odd=odd: put(document, place, odd))
        try:
            list(kind.index.open(stored.path).payloads)
        except IndexStorageError:
            refused += 1
    assert refused >= len(ODD) - 2  # an empty list of segments, say, is a manifest


def put(document, place, value):
    """Set a value, or delete it if the value is KeyError."""
    for key in place[:-1]:
        document = document[key]
    if value is KeyError:
        del document[place[-1]]
    else:
        document[place[-1]] = value


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "{", "NaN", "", "[]", "null"])
def test_texts_that_are_no_manifest(kind, stored, text):
    (stored.path / "manifest.json").write_text(text)
    with pytest.raises(IndexStorageError):
        kind.index.open(stored.path)


def test_copies_do_not_share_rows(kind, stored, make):
    memory = kind.index(stored.schema, meta={"a": "b"})
    memory.add([make(1), make(2)])
    for twin in (copy.copy(memory), copy.deepcopy(memory)):
        twin.add([make(3)])
        assert (len(memory), len(twin)) == (2, 3)
        assert twin.meta == {"a": "b"}
        assert twin.signature(0) == memory.signature(0)


def test_index_in_a_folder_pickles_by_its_path(stored):
    again = pickle.loads(pickle.dumps(stored))  # noqa: S301
    assert again.path == stored.path
    assert again.ids.tolist() == stored.ids.tolist()
    assert copy.deepcopy(stored).ids.tolist() == stored.ids.tolist()


def test_index_in_memory_refuses_to_be_pickled(kind, stored):
    with pytest.raises(OptionError, match="save"):
        pickle.dumps(kind.index(stored.schema))


def test_writer_waits_for_another(kind, stored, make):
    other = kind.index.open(stored.path)
    inside, rows = threading.Event(), len(stored)

    def hold():
        with other.writer():
            inside.set()
            time.sleep(0.3)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait()
    with pytest.raises(IndexLockedError), stored.writer():
        pass
    with pytest.raises(IndexLockedError), stored.writer(timeout=0.01):
        pass
    with stored.writer(timeout=30):
        stored.add([make(20)])
    holder.join()
    assert len(stored) == rows + 1


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_does_not_keep_the_lock_nor_write(kind, stored, make):
    fork = multiprocessing.get_context("fork")
    told, ended = fork.Pipe(), fork.Event()

    def child():
        try:
            stored.add([make(30)])
        except IndexLockedError as error:
            told[1].send(str(error))
        ended.wait(60)

    rows = len(stored)
    with stored.writer():
        process = fork.Process(target=child)
        process.start()
        assert told[0].poll(60)
        assert "forked" in told[0].recv()
    try:
        other = kind.index.open(stored.path)
        other.add([make(20)])
        assert len(other) == rows + 1
    finally:
        ended.set()
        process.join()
