"""Copies of an index: what is copied, while others write and read, here and elsewhere."""

import json
import shutil
import subprocess
import sys
import time
from uuid import uuid4

import numpy as np
import pytest

from semsig import ClassTable, HammingIndex, PooledIndex, SbsSchema
from semsig.distributed import sync
from semsig.distributed.places import Place
from semsig.errors import (
    IndexCorruptError,
    IndexFormatError,
    IndexLockedError,
    IndexStorageError,
    OptionError,
)
from semsig.search import verify_index
from tests.interop.test_terms import pooled_of
from tests.search.batches import random_batch

fsspec = pytest.importorskip("fsspec")

SCHEMA = SbsSchema(1, ClassTable("abc"))


@pytest.fixture
def source(tmp_path):
    """Photos with pooled descriptors and a further file, in several segments."""
    index = HammingIndex(SCHEMA)
    index.save(tmp_path / "source")
    index = HammingIndex.open(tmp_path / "source")
    for seed in (1, 2, 3):
        index.add(random_batch(40 // seed, SCHEMA, seed, 4))
    index.remove([3, 5])
    pooled_of(index.ids[::2]).save(tmp_path / "source" / "pooled")
    (tmp_path / "source" / "sbovp").mkdir()
    (tmp_path / "source" / "sbovp" / "vocabulary.npz").write_bytes(b"words")
    return index


def assert_same(one, other):
    assert one.ids.tolist() == other.ids.tolist()
    assert list(one.payloads) == list(other.payloads)
    np.testing.assert_array_equal(one.to_batch()[1].cells, other.to_batch()[1].cells)


def test_a_copy_is_as_its_source(source, tmp_path):
    report = sync(source.path, tmp_path / "copy")
    copy = HammingIndex.open(tmp_path / "copy")
    assert_same(copy, source)
    assert copy.verify().ok
    assert PooledIndex.open(tmp_path / "copy" / "pooled").ids.tolist() == source.ids[::2].tolist()
    assert (tmp_path / "copy" / "sbovp" / "vocabulary.npz").read_bytes() == b"words"
    assert (report.indexes, report.deleted) == (2, 0)
    assert sync(source.path, tmp_path / "copy").copied == 0


def test_only_what_is_new_is_copied_and_what_is_gone_deleted(source, tmp_path):
    sync(source.path, tmp_path / "copy")
    reader = HammingIndex.open(tmp_path / "copy")
    before = reader.ids.tolist()
    source.add(random_batch(2, SCHEMA, 9, 4))
    report = sync(source.path, str(tmp_path / "copy"))
    assert (report.copied, report.deleted) == (6, 0)  # five arrays of a segment, and the manifest
    assert reader.ids.tolist() == before
    assert reader.refresh()
    assert_same(reader, source)
    source.compact()
    assert sync(source.path, tmp_path / "copy").deleted > 0
    assert_same(reader, HammingIndex.open(tmp_path / "copy"))
    names = {path.name for path in (tmp_path / "copy").iterdir() if path.is_file()}
    assert names == {path.name for path in source.path.iterdir() if path.is_file()}


def test_copies_elsewhere_and_back(source, tmp_path):
    away = f"memory://{uuid4()}/index"
    sync(source.path, away)
    sync(away, tmp_path / "back")
    assert_same(HammingIndex.open(tmp_path / "back"), source)
    source.remove([7])
    source.compact()
    sync(source.path, away)
    sync(away, tmp_path / "back")
    assert_same(HammingIndex.open(tmp_path / "back"), source)
    assert verify_index(tmp_path / "back").ok
    manifests = [name for name in Place(away).names() if name.endswith("manifest.json")]
    assert manifests == ["manifest.json", "pooled/manifest.json"]


def test_a_run_that_was_stopped_is_taken_up(source, tmp_path, monkeypatch):
    from semsig.distributed import copying as module

    copies, copy = [], module._copy

    def stopped(*arguments):
        if len(copies) == 3:
            raise KeyboardInterrupt
        copies.append(arguments)
        return copy(*arguments)

    monkeypatch.setattr(module, "_copy", stopped)
    with pytest.raises(KeyboardInterrupt):
        sync(source.path, tmp_path / "copy")
    assert not list((tmp_path / "copy").rglob("manifest.json"))
    monkeypatch.undo()
    whole = sync(source.path, tmp_path / "other").copied
    assert sync(source.path, tmp_path / "copy").copied == whole - 3 - 1  # and the vocabulary
    assert_same(HammingIndex.open(tmp_path / "copy"), source)


_WRITER = """
import sys
from semsig import ClassTable, HammingIndex, SbsSchema
from tests.search.batches import random_batch
SCHEMA = SbsSchema(1, ClassTable("abc"))
index = HammingIndex.open(sys.argv[1])
step = 0
while True:
    index.add(random_batch(10, SCHEMA, step, 4), range(10 * step, 10 * step + 10),
              payloads=[str(step)] * 10)
    if step >= 3:
        index.remove(range(10 * (step - 3), 10 * (step - 2)))
    if step % 5 == 0:
        index.compact()
    step += 1
    print(step, flush=True)
"""

_READER = """
import sys
from semsig import ClassTable, HammingIndex
seen = set()
while sys.stdin is not None:
    index = HammingIndex.open(sys.argv[1])
    texts, ids = list(index.payloads), index.ids.tolist()
    index.to_batch()
    steps = sorted(set(map(int, texts)))
    assert texts == [str(step) for step in steps for _ in range(10)], texts
    assert len(steps) <= 4 and (not steps or steps[-1] - steps[0] == len(steps) - 1), steps
    assert ids == [10 * step + n for step in steps for n in range(10)], ids
    print(steps[-1] if steps else -1, flush=True)
"""


@pytest.mark.slow
def test_a_reader_of_the_copy_only_sees_states_that_were(tmp_path):
    HammingIndex(SCHEMA).save(tmp_path / "source")
    copy = tmp_path / "copy"
    sync(tmp_path / "source", copy)

    def started(code, path):
        return subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    with started(_WRITER, tmp_path / "source") as writer, started(_READER, copy) as reader:
        try:
            assert writer.stdout.readline()
            assert reader.stdout.readline()
            end, syncs = time.monotonic() + 4, 0
            while time.monotonic() < end:
                sync(tmp_path / "source", copy)
                syncs += 1
            assert writer.poll() is None
            assert reader.poll() is None, reader.stderr.read()
        finally:
            writer.kill()
            reader.kill()
        written, read = (process.stdout.read().split() for process in (writer, reader))
    assert syncs > 3
    assert len(set(read)) > 3, "the reader saw hardly any state"
    assert int(read[-1]) <= int(written[-1])
    assert verify_index(copy).ok


def test_damage_is_not_copied(source, tmp_path):
    file = next(source.path.glob("segment-*.cells.npy"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(IndexCorruptError, match="not as it was written"):
        sync(source.path, tmp_path / "copy")
    assert not (tmp_path / "copy" / "manifest.json").exists()
    file.unlink()
    with pytest.raises(IndexCorruptError, match="damaged"):
        sync(source.path, tmp_path / "copy")


def test_what_is_no_copy_stays_as_it_is(source, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    (tmp_path / "mine" / "sub").mkdir()
    (tmp_path / "mine" / "sub" / "letter.txt").touch()
    with pytest.raises(IndexFormatError, match=r"which holds sub/letter\.txt"):
        sync(source.path, tmp_path / "mine")
    other = HammingIndex(SCHEMA)
    other.add(random_batch(5, SCHEMA, 8, 4))
    other.save(tmp_path / "other")
    (source.path / "again").mkdir()
    again = HammingIndex(SCHEMA)
    again.add(random_batch(5, SCHEMA, 7, 4))
    again.save(source.path / "again")
    with pytest.raises(IndexFormatError, match="of another index"):
        sync(source.path / "again", tmp_path / "other")
    assert_same(HammingIndex.open(tmp_path / "other"), other)


def test_wrong_folders_are_named(source, tmp_path):
    with pytest.raises(IndexFormatError, match=r"Expected the folder of an index"):
        sync(tmp_path / "nosuch", tmp_path / "copy")
    for target in (f"{source.path}/", source.path / "copy", source.path.parent):
        with pytest.raises(OptionError, match="neither within the other"):
            sync(source.path, target)
    with pytest.raises(OptionError, match="neither within the other"):
        sync("memory://a/b", "memory://a/b/c")
    with pytest.raises(IndexStorageError, match="nosuchscheme"):
        sync(source.path, "nosuchscheme://x")
    sync(source.path, tmp_path / "copy")
    writer = HammingIndex.open(tmp_path / "copy")
    with writer.writer(), pytest.raises(IndexLockedError):
        sync(source.path, tmp_path / "copy")


def test_the_command(run, source, tmp_path):
    code, out, _ = run("sync", source.path, tmp_path / "copy")
    assert code == 0
    assert "2 indexes up to date" in out
    code, out, _ = run("sync", source.path, tmp_path / "copy", "--json")
    assert json.loads(out)["copied"] == 0
    shutil.rmtree(source.path)
    code, _, err = run("sync", source.path, tmp_path / "copy")
    assert code == 1
    assert "Expected the folder of an index" in err
