"""A power cut after any step of a change leaves the index as before it or after it."""

from __future__ import annotations

import os
import random
import shutil
import sys

import pytest

from benchmarks.torture.power import Outcome, Recorder
from semsig.errors import IndexStorageError
from semsig.search import is_unused

EVERY_KIND = True

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


def content(index):
    signatures = [index.signature(id_) for id_ in index.ids.tolist()]
    return list(zip(index.ids.tolist(), index.payloads, signatures, strict=True))


def change(kind, path, make, name):
    """Do what a name says to the index in a folder."""
    if name == "create":
        kind.index(kind.schema).save(path)
        return
    if name == "save over it":
        other = kind.index(kind.schema)
        other.add([make(30), make(31)])
        other.save(path)
        return
    index = kind.index.open(path)
    {
        "add": lambda: index.add([make(20), make(21)], payloads=["a", "b"]),
        "add one": lambda: index.add(make(22)),
        "remove": lambda: index.remove([0, 7]),
        "replace": lambda: index.replace([2, 8], [make(23), make(24)]),
        "compact": index.compact,
    }[name]()


CHANGES = ("create", "add", "add one", "remove", "replace", "compact", "save over it")


@pytest.mark.parametrize("name", CHANGES)
def test_every_legal_outcome_is_a_state_that_was(kind, stored_once, tmp_path, make, name):
    world, path = tmp_path / "world", tmp_path / "world" / "below" / "index"
    if name == "create":
        world.mkdir()
        before = None
    else:
        shutil.copytree(stored_once, path)
        before = content(kind.index.open(path))
    with Recorder(world) as recorder:
        change(kind, path, make, name)
    after = content(kind.index.open(path))
    assert before != after or name == "compact"
    seen = set()
    for number, outcome in every_outcome(recorder):
        left = tmp_path / "left"
        outcome.write(left)
        found = opened(kind, left / "below" / "index")
        shutil.rmtree(left)
        seen.add(found == after)
        assert found in (before, after)
        assert number < len(recorder.steps) or found == after, "it was reported as done"
    assert seen == {True, False} or before == after


def every_outcome(recorder):
    """Outcomes of a cut after each step, each once, but after the last step all again."""
    rng, known = random.Random(0), set()
    for after in range(len(recorder.steps) + 1):
        for outcome in recorder.outcomes(after, rng, most=8):
            if outcome.key not in known or after == len(recorder.steps):
                known.add(outcome.key)
                yield after, outcome


def opened(kind, path):
    """What an index holds; None where none was ever begun."""
    if is_unused(path):
        return None
    return content(kind.index.open(path))


def test_what_is_recorded_is_all_that_was_done(kind, stored_once, tmp_path, make):
    world, path = tmp_path / "world", tmp_path / "world" / "index"
    shutil.copytree(stored_once, path)
    with Recorder(world) as recorder:
        for name in CHANGES[1:]:
            change(kind, path, make, name)
    last = next(recorder.outcomes(len(recorder.steps), random.Random(0), 1))
    # the lock's text is never synced, and may be gone
    found = {name: whole for name, whole in last.files if not name.endswith("writer.lock")}
    really = {
        str(file.relative_to(world)): file.read_bytes()
        for file in path.iterdir()
        if file.name != "writer.lock"
    }
    assert found == really


@pytest.mark.parametrize("spared", ["file", "folder"])
def test_a_writer_that_spares_itself_a_sync_is_found_out(kind, tmp_path, make, spared, monkeypatch):
    """The simulation finds what it is for."""
    if spared == "file":
        monkeypatch.setattr("semsig.storage.files.sync_file", lambda _: None)
    else:
        for module in ("storage.folder", "durable"):
            monkeypatch.setattr(f"semsig.{module}.sync_folder", lambda _: None)
    world, path = tmp_path / "world", tmp_path / "world" / "index"
    world.mkdir()
    with Recorder(world) as recorder:
        change(kind, path, make, "create")
        change(kind, path, make, "add")
    after, wrong = content(kind.index.open(path)), 0
    for number, outcome in every_outcome(recorder):
        outcome.write(tmp_path / f"left-{number}-{wrong}")
        try:
            found = opened(kind, tmp_path / f"left-{number}-{wrong}" / "index")
        except IndexStorageError:
            found = "damaged"
        wrong += found == "damaged" or (number == len(recorder.steps) and found != after)
        shutil.rmtree(tmp_path, ignore_errors=True)
    assert wrong


def test_outcomes_are_what_posix_allows(tmp_path):
    with Recorder(tmp_path) as recorder:
        (tmp_path / "made").mkdir()
        for name in ("a", "b"):
            descriptor = os.open(tmp_path / name, os.O_WRONLY | os.O_CREAT)
            os.write(descriptor, name.encode() * 4)
            if name == "a":
                os.fsync(descriptor)
            os.close(descriptor)
        os.replace(tmp_path / "b", tmp_path / "c")  # noqa: PTH105
        folder = os.open(tmp_path, os.O_RDONLY)
        before = len(recorder.steps)
        os.fsync(folder)
        os.close(folder)
    rng = random.Random(0)
    some = {outcome.key for outcome in recorder.outcomes(before, rng, 500)}
    assert Outcome((), ()).key in some
    assert Outcome(("made",), (("a", b"aaaa"), ("c", b"bbbb"))).key in some
    assert Outcome((), (("c", b""),)).key in some
    assert all(dict(files).get("a", b"aaaa") == b"aaaa" for _, files in some), "it was synced"
    assert not any({"b", "c"} <= dict(files).keys() for _, files in some), "a rename is one step"
    synced = {outcome.key for outcome in recorder.outcomes(before + 1, rng, 500)}
    assert all(folders == ("made",) and len(files) == 2 for folders, files in synced)
