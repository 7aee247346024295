"""A writer that dies or a disk that fails at any moment leaves the index as before or after."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from semsig.errors import IndexWriteError
from semsig.search import verify_index
from semsig.storage.manifest import Manifest

EVERY_KIND = True

CHANGES: dict[str, Callable] = {
    "add and merge": lambda index, make: index.add([make(20), make(21), make(22)]),
    "remove": lambda index, make: index.remove([0, 7, 8]),
    "replace": lambda index, make: index.replace([2, 8], [make(20), make(21)]),
    "compact": lambda index, make: index.compact(),
    "save over it": lambda index, make: saved_over(index, make),
}

STEPS = ((os, "fsync"), (os, "replace"), (os, "unlink"), (io, "open"), (os, "open"))
"""Every call by which a writer changes the folder."""


def writes(flags):
    return bool(flags & (os.O_WRONLY | os.O_RDWR))


def saved_over(index, make):
    other = type(index)(index.schema)
    other.add([make(30), make(31)])
    other.save(index.path)


def content(index) -> list[tuple[int, str, object]]:
    signatures = [index.signature(id_) for id_ in index.ids.tolist()]
    return list(zip(index.ids.tolist(), index.payloads, signatures, strict=True))


@contextmanager
def failing(monkeypatch, step: int, error: BaseException, *, lasting: bool) -> Iterator[list[str]]:
    """Make the given step of a writer raise; all later ones as well if lasting.

    A kill happens after the step: a file that was opened for writing is there, and empty.
    """
    calls: list[str] = []

    def counted(name, function):
        def call(*args, **kwargs):
            if function is io_open and not set("wax+") & set(str(args[1:2])):
                return function(*args, **kwargs)
            if function is os_open and not (writes(args[1]) or Path(args[0]).is_dir()):
                return function(*args, **kwargs)
            calls.append(name)
            if len(calls) == step and isinstance(error, Killed):
                done = function(*args, **kwargs)
                if function is os_open:
                    os.close(done)
                else:
                    with done or nullcontext():
                        pass
            if len(calls) == step or (lasting and len(calls) > step):
                raise error
            return function(*args, **kwargs)

        return call

    io_open, os_open = io.open, os.open
    with monkeypatch.context() as patch:
        for module, name in STEPS:
            patch.setattr(module, name, counted(name, getattr(module, name)))
        yield calls


class Killed(BaseException):
    """Stands for the end of the process: nothing, not even an except clause, runs after it."""


@pytest.fixture(params=CHANGES)
def case(kind, request, stored, make, monkeypatch, tmp_path):
    """A change, the index before and after it, and the number of its steps."""
    change = CHANGES[request.param]
    copy = kind.index.open(shutil.copytree(stored.path, tmp_path / "copy"))
    with failing(monkeypatch, 0, Killed(), lasting=False) as calls:
        change(copy, make)
    after = content(kind.index.open(copy.path))
    assert len(calls) > 5
    return change, [content(stored), after], len(calls)


def fresh(stored, tmp_path, step):
    return stored.open(shutil.copytree(stored.path, tmp_path / f"step {step}"))


def assert_tidy(path: Path) -> None:
    manifest = Manifest.from_json((path / "manifest.json").read_bytes())
    named = {file.name for file in manifest.all_files()} | {"manifest.json", "writer.lock"}
    assert {file.name for file in path.iterdir()} == named


def test_killed_at_any_step(kind, case, stored, make, monkeypatch, tmp_path):
    change, allowed, steps = case
    seen = []
    for step in range(1, steps + 1):
        index = fresh(stored, tmp_path, step)
        killing = failing(monkeypatch, step, Killed(), lasting=True)
        with killing, pytest.raises(Killed):
            change(index, make)
        left = kind.index.open(index.path)
        seen.append(allowed.index(content(left)))
        assert verify_index(index.path).ok
        with left.writer():
            assert_tidy(index.path)
    assert seen == sorted(seen)


@pytest.mark.parametrize("case", ["replace", "save over it"], indirect=True)
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_the_disk_is_full_at_any_step(kind, case, stored, make, monkeypatch, tmp_path, lasting):
    change, (before, after), steps = case
    for step in range(1, steps + 1):
        index = fresh(stored, tmp_path, step)
        full = OSError(errno.ENOSPC, "No space left on device")
        with failing(monkeypatch, step, full, lasting=lasting):
            try:
                change(index, make)
                expected = after
            except IndexWriteError as error:
                assert "No space left" in str(error)  # noqa: PT017
                expected = before
        index.refresh()
        assert content(index) == content(kind.index.open(index.path)) == expected
        assert verify_index(index.path).ok
        with index.writer():
            assert_tidy(index.path)


def test_a_full_disk_leaves_the_old_index_and_no_debris(kind, stored, make):
    """The kernel itself refuses to write more than 600 bytes to a file."""
    before = content(stored)
    resource = pytest.importorskip("resource")  # not on Windows
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))
    try:
        with pytest.raises(IndexWriteError, match="as it was before"):
            stored.add([make(seed) for seed in range(20, 120)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert content(stored) == content(kind.index.open(stored.path)) == before
    assert_tidy(stored.path)


def test_an_interrupt_after_the_commit_loses_nothing(kind, stored, make, monkeypatch):
    """Ctrl-C between the commit and its return: the next change must build on the commit."""
    calls: list[int] = []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return load(*args)

    load = stored._store._load
    monkeypatch.setattr(stored._store, "_load", interrupted)
    with stored.writer():
        with pytest.raises(KeyboardInterrupt):
            stored.add(make(20), [20])
        stored.add(make(21), [21])
    assert kind.index.open(stored.path).ids.tolist()[-2:] == [20, 21]


def test_power_may_fail_at_any_time(case, stored, make, monkeypatch):
    """A file is on disk before it is named, its name before the manifest's, that before any loss.

    Holds on file systems that reorder: each rename follows the file's fsync, the manifest's
    rename follows an fsync of the folder, and old files go after another.
    """
    change, _, _ = case
    trace: list[tuple[str, int]] = []

    def fsync(descriptor):
        trace.append(("fsync", os.fstat(descriptor).st_ino))

    def replace(source, target):
        trace.append(("commit" if target.name == "manifest.json" else "rename", inode(source)))
        real_replace(source, target)

    def unlink(path, **kwargs):
        trace.append(("unlink", inode(path)))
        real_unlink(path, **kwargs)

    real_replace, real_unlink = os.replace, os.unlink
    for function in (fsync, replace, unlink):
        monkeypatch.setattr(os, function.__name__, function)
    change(stored, make)
    steps = list(enumerate(trace))
    [commit] = [at for at, (kind, _) in steps if kind == "commit"]
    syncs = [at for at, step in steps if step == ("fsync", inode(stored.path))]
    for at, (kind, file) in steps:
        match kind:
            case "rename":
                assert ("fsync", file) in trace[:at]
                assert any(at < sync < commit for sync in syncs)
            case "commit":
                assert ("fsync", file) in trace[:at]
            case "unlink":
                assert any(commit < sync < at for sync in syncs)
    assert any(commit < sync for sync in syncs)


def inode(path: Path) -> int:
    return path.stat().st_ino


@pytest.mark.slow
def test_real_kills_lose_nothing():
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "benchmarks.kill", "--kills", "8", "--seed", "7"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert '"kills": 8' in run.stdout
