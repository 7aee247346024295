"""Files that change under an open index: no answer changes, nothing crashes, or damage is named."""

from __future__ import annotations

import os
import pickle
import threading

import numpy as np
import pytest

from semsig.errors import IndexCorruptError, OptionError
from semsig.storage.columns import StoredColumn
from semsig.storage.files import write_array

EVERY_KIND = True


def overwritten(file) -> None:
    with file.open("rb+") as opened:
        opened.seek(128)
        opened.write(b"\xff" * (file.stat().st_size - 128))


def moved(file) -> None:
    array = np.load(file)
    with file.open("rb+") as opened:
        opened.seek(128)
        opened.write(np.roll(array, 1).tobytes())


def cut_short(file) -> None:
    os.truncate(file, 130)


def emptied(file) -> None:
    os.truncate(file, 0)


CHANGES = [overwritten, moved, cut_short, emptied]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("verify", ["first-use", "never"])
def test_what_was_searched_once_stays_as_it_was(kind, stored, make, change, verify):
    index = kind.index.open(stored.path, verify=verify)
    ids = index.ids.tolist()
    before = index.search(make(3), 5)
    signatures, payloads = [index.signature(id_) for id_ in ids], list(index.payloads)
    for file in stored.path.glob("segment-*.npy"):
        change(file)
    for was, now in zip(before, index.search(make(3), 5), strict=True):
        np.testing.assert_array_equal(was, now)
    assert [index.signature(id_) for id_ in ids] == signatures
    if verify == "first-use":
        with pytest.raises(IndexCorruptError, match=r"payloads\.npy is damaged"):
            list(index.payloads)
    elif change in (cut_short, emptied):
        with pytest.raises(IndexCorruptError, match="cut short"):
            list(index.payloads)
    assert len(payloads) == len(ids)


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_between_opening_and_first_use_is_named(kind, stored, make, change):
    index = kind.index.open(stored.path)
    for file in stored.path.glob("segment-*.npy"):
        change(file)
    with pytest.raises(IndexCorruptError, match=r"segment-\d+\.\w+\.npy is damaged"):
        index.search(make(3), 5)
    with pytest.raises(IndexCorruptError, match=r"segment-\d+\.\w+\.npy is damaged"):
        index.payload(8)


@pytest.mark.parametrize("change", [overwritten, cut_short, emptied])
def test_unproved_files_lead_no_kernel_astray_either(kind, stored, make, change):
    index = kind.index.open(stored.path, verify="never")
    for file in stored.path.glob("segment-*.npy"):
        change(file)
    with pytest.raises(IndexCorruptError, match=r"segment-\d+\.\w+\.npy is damaged"):
        index.search(make(3), 5)


def test_every_byte_of_a_segment_is_proved_by_what_uses_it(kind, stored, make):
    """One bit of any file: search, ids and payloads together name it."""
    for file in sorted(stored.path.glob("segment-*.npy")):
        whole = file.read_bytes()
        for position in range(0, len(whole), 29):
            damaged = bytearray(whole)
            damaged[position] ^= 1
            file.write_bytes(damaged)
            with pytest.raises(IndexCorruptError, match=file.name):
                _use(kind.index.open(stored.path), make)
        file.write_bytes(whole)
    _use(kind.index.open(stored.path), make)


def _use(index, make):
    index.search(make(1), 3)
    list(index.payloads)


def test_never_reads_what_it_finds_and_a_change_does_not_copy_it(kind, stored, make):
    file = min(stored.path.glob("segment-*.payloads.npy"))
    whole = bytearray(file.read_bytes())
    whole[-1] ^= 1
    file.write_bytes(whole)
    index = kind.index.open(stored.path, verify="never")
    assert (index.verified, index.payload(6)) == ("never", "seed 7")
    with pytest.raises(IndexCorruptError, match="checksum"):
        index.compact()
    with pytest.raises(IndexCorruptError, match="checksum"):
        index.save(stored.path.parent / "copy")


def test_the_choice_is_kept_by_copies_and_pickles_and_checked(kind, stored):
    index = kind.index.open(stored.path, verify="never")
    assert pickle.loads(pickle.dumps(index)).verified == "never"  # noqa: S301
    assert index.__copy__().verified == "never"
    with pytest.raises(OptionError, match="Expected verify='first-use' or 'never', got 'always'"):
        kind.index.open(stored.path, verify="always")


def test_texts_far_apart_are_read_by_blocks_and_changes_in_between_are_named(tmp_path):
    content = np.random.default_rng(0).integers(0, 256, 1_300_001).astype(np.uint8)
    entry = write_array(tmp_path / "segment-000001.payloads.npy", content)
    column = StoredColumn(tmp_path, entry, np.uint8, len(content))
    for start, stop in ((0, 0), (5, 70_000), (65_536, 131_072), (1_300_000, 1_300_001)):
        assert column.part(start, stop) == content[start:stop].tobytes()
    with (tmp_path / entry.name).open("rb+") as file:
        file.seek(128 + 600_000)
        file.write(bytes([content[600_000] ^ 1]))
    assert column.part(0, 500_000) == content[:500_000].tobytes()
    with pytest.raises(IndexCorruptError, match="changed since it was first used"):
        column.part(599_000, 601_000)
    for start, stop in ((-1, 5), (5, 4), (0, 1_300_002)):
        with pytest.raises(IndexCorruptError, match="expected rows in"):
            column.part(start, stop)


def test_threads_and_forks_read_one_file_at_once(tmp_path):
    content = np.arange(500_000)
    entry = write_array(tmp_path / "segment-000001.ids.npy", content)
    column = StoredColumn(tmp_path, entry, np.int64, len(content))
    found = []
    readers = [threading.Thread(target=lambda: found.append(column.array)) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert all(array is found[0] for array in found)
    np.testing.assert_array_equal(found[0], content)
    assert not found[0].flags.writeable
