"""The on-disk format: indexes that are damaged, foreign, locked or changed meanwhile."""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.errors import (
    IndexCorruptError,
    IndexFormatError,
    IndexLockedError,
    IndexWriteError,
    OptionError,
    SemsigError,
)
from semsig.search import HammingIndex, verify_index
from semsig.storage.columns import StoredColumn
from semsig.storage.files import write_array
from semsig.storage.manifest import Manifest
from semsig.types import SbsSchema, SbsSignature
from semsig.types.sbs import SBS_RECORDS

EVERY_KIND = True


def content(index) -> list[tuple[int, str, object]]:
    signatures = [index.signature(id_) for id_ in index.ids.tolist()]
    return list(zip(index.ids.tolist(), index.payloads, signatures, strict=True))


def data_files(path) -> list[str]:
    return sorted(file.name for file in path.glob("*.npy"))


def named_files(path) -> list[str]:
    manifest = Manifest.from_json((path / "manifest.json").read_bytes())
    return sorted(file.name for file in manifest.all_files())


def file_of_first_segment(index, key: str):
    """The file of one of its arrays; "values" for the first of those that signatures consist of."""
    manifest = Manifest.from_json((index.path / "manifest.json").read_bytes())
    files = manifest.segments[0].files
    return index.path / (next(iter(files.values())) if key == "values" else files[key]).name


def spoil(file, position: int, by: int = 255) -> None:
    whole = bytearray(file.read_bytes())
    whole[position] ^= by
    file.write_bytes(whole)


def test_an_opened_index_equals_the_saved_one(kind, index_in_memory, tmp_path, make):
    index_in_memory.save(tmp_path / "new" / "index")
    opened = kind.index.open(tmp_path / "new" / "index")
    assert content(opened) == content(index_in_memory)
    assert (opened.schema, opened.meta) == (index_in_memory.schema, {"made": "by a test"})
    for mine, other in zip(
        opened.search(make(3), 9), index_in_memory.search(make(3), 9), strict=True
    ):
        np.testing.assert_array_equal(mine, other)
    assert opened.add(make(50)).tolist() == [12]


def test_an_empty_index_is_saved_and_opened(kind, schema, tmp_path, make):
    kind.index(schema).save(tmp_path)
    index = kind.index.open(str(tmp_path))
    assert (len(index), index.search(make(1), 1)[1].tolist()) == (0, [[-1]])
    assert index.add(make(1)).tolist() == [0]


def test_each_change_is_on_disk_when_it_returns(kind, stored, make):
    stored.replace([4, 0], [make(40), make(41)], payloads=["a", "b"])
    stored.remove(11)
    reopened = kind.index.open(stored.path)
    assert content(reopened) == content(stored)
    assert reopened.ids.tolist() == [2, 3, 5, 6, 7, 8, 10, 4, 0]


def test_compact_keeps_content_and_order_in_one_segment(kind, stored, make):
    stored.add([make(5), make(6)], [9, 1])
    before = content(stored)
    stored.compact()
    assert content(stored) == content(kind.index.open(stored.path)) == before
    assert len({name.partition(".")[0] for name in data_files(stored.path)}) == 1


def test_compact_of_a_compact_index_writes_nothing(stored):
    stored.compact()
    manifest = (stored.path / "manifest.json").read_bytes()
    stored.compact()
    assert (stored.path / "manifest.json").read_bytes() == manifest


def test_removing_all_leaves_an_empty_index_without_data(kind, stored, make):
    stored.remove(stored.ids)
    assert data_files(stored.path) == []
    assert kind.index.open(stored.path).add(make(1)).tolist() == [12]


def test_save_replaces_another_index_in_one_step(kind, stored, index_in_memory, tmp_path):
    reader = kind.index.open(stored.path)
    before = content(reader)
    index_in_memory.save(stored.path)
    assert content(reader) == before
    assert reader.refresh()
    assert content(reader) == content(index_in_memory)


def test_save_refuses_its_own_folder_and_one_of_other_files(stored, tmp_path):
    with pytest.raises(OptionError, match="on disk already"):
        stored.save(stored.path)
    other = tmp_path / "photos"
    other.mkdir()
    (other / "a.jpg").touch()
    with pytest.raises(IndexFormatError, match=r"a\.jpg"):
        stored.save(other)
    with pytest.raises(IndexWriteError, match="Cannot make"):
        stored.save(other / "a.jpg")


def test_a_reader_keeps_its_view_until_it_refreshes(kind, stored, make):
    reader = kind.index.open(stored.path)
    before, answer = content(reader), reader.search(make(3), 5)[1].tolist()
    stored.add([make(60)] * 9)
    stored.compact()
    assert content(reader) == before
    assert reader.search(make(3), 5)[1].tolist() == answer
    assert reader.refresh()
    assert not reader.refresh()
    assert content(reader) == content(stored)


def test_two_writers_in_turn_build_on_each_other(kind, stored, make):
    other = kind.index.open(stored.path)
    stored.add(make(20), payloads=["first"])
    assert other.add(make(21), payloads=["second"]).tolist() == [13]
    stored.remove(13)
    assert content(stored) == content(kind.index.open(stored.path))
    assert stored.payload(12) == "first"


def test_opening_retries_when_a_writer_moves_on(kind, stored, make, monkeypatch):
    """A compact between reading the manifest and opening the files is not damage."""
    reader = kind.index.open(stored.path)
    monkeypatch.setattr("semsig.storage.folder.StoredColumn", _compacting_first(stored))
    assert content(kind.index.open(stored.path)) == content(reader)


def _compacting_first(index):
    calls = []

    def open_later(*args, **how):
        calls.append(args)
        if len(calls) == 1:
            index.compact()
        return StoredColumn(*args, **how)

    return open_later


def test_a_second_writer_is_told_who_writes(kind, stored, make):
    with stored.writer(), pytest.raises(IndexLockedError, match=f"process {os.getpid()} on "):
        kind.index.open(stored.path).add(make(1))
    kind.index.open(stored.path).add(make(1))


def test_a_writer_may_hold_the_lock_over_several_changes(kind, stored, make):
    with stored.writer() as index:
        index.add(make(1))
        index.remove(0)
        assert content(kind.index.open(stored.path)) == content(stored)


def _write_and_wait(index, path, locked, release):
    with index.open(path).writer():
        locked.set()
        release.wait(60)


def test_a_killed_writer_leaves_no_lock(kind, stored, make):
    context = multiprocessing.get_context("spawn")
    locked, release = context.Event(), context.Event()
    arguments = kind.index, stored.path, locked, release
    process = context.Process(target=_write_and_wait, args=arguments)
    process.start()
    assert locked.wait(60)
    with pytest.raises(IndexLockedError, match=f"process {process.pid} on "):
        stored.add(make(1))
    assert content(kind.index.open(stored.path)) == content(stored)
    process.kill()
    process.join()
    stored.add(make(1))


def test_an_unreadable_lock_file_still_locks(kind, stored, make):
    with stored.writer():
        (stored.path / "writer.lock").write_text("?")
        with pytest.raises(IndexLockedError, match="another process"):
            kind.index.open(stored.path).add(make(1))


def test_leftovers_of_a_killed_writer_are_ignored_then_deleted(kind, stored, make):
    leftovers = ["segment-000099.cells.npy", "segment-000099.ids.npy.tmp", "manifest.json.tmp"]
    for name in [*leftovers, "notes.txt"]:
        (stored.path / name).write_text("half a fi")
    assert verify_index(stored.path).ok
    kind.index.open(stored.path).add(make(1))
    assert not any((stored.path / name).exists() for name in leftovers)
    assert (stored.path / "notes.txt").exists()
    assert data_files(stored.path) == named_files(stored.path)


def test_verify_reads_everything(stored):
    report = stored.verify()
    files = [file for file in stored.path.iterdir() if file.name != "writer.lock"]
    assert report.ok
    assert (report.rows, report.files) == (10, len(files))
    assert report.bytes == sum(file.stat().st_size for file in files)


def test_verify_in_memory_has_no_files(index_in_memory):
    assert index_in_memory.verify().files == 0


def damaged_copies(stored, tmp_path, damage):
    """Yield, for each file in turn, a copy of the index with that file damaged."""
    for name in [*named_files(stored.path), "manifest.json"]:
        copy = tmp_path / f"copy of {name}"
        shutil.copytree(stored.path, copy)
        damage(copy / name)
        yield name, copy


@pytest.mark.parametrize("position", [0, 0.4, 0.7, -1])
def test_a_flipped_byte_is_found_in_every_file(stored, tmp_path, position):
    def flip(file):
        size = file.stat().st_size
        spoil(file, int(position * size) if position > 0 else position, by=4)

    for name, copy in damaged_copies(stored, tmp_path, flip):
        assert [damage.file for damage in verify_index(copy).damaged] == [name]


@pytest.mark.parametrize("size", [0, 60, 0.9, "longer", "gone"])
def test_a_wrong_size_is_found_when_opening(kind, stored, tmp_path, size):
    def cut(file):
        whole = file.read_bytes()
        match size:
            case "gone":
                file.unlink()
            case "longer":
                file.write_bytes(whole + b"more")
            case _:
                file.write_bytes(whole[: size if isinstance(size, int) else int(size * len(whole))])

    for name, copy in damaged_copies(stored, tmp_path, cut):
        gone = (size, name) == ("gone", "manifest.json")
        with pytest.raises(IndexFormatError if gone else IndexCorruptError, match=name):
            kind.index.open(copy)
        if not gone:
            assert [damage.file for damage in verify_index(copy).damaged] == [name]


def test_another_dtype_or_shape_is_found_when_opening(kind, stored, tmp_path):
    def reshape(file):
        if file.suffix == ".npy":
            array = np.load(file)
            np.save(file, array.view(np.uint8) if array.dtype != np.uint8 else array[:, None])

    for name, copy in damaged_copies(stored, tmp_path, reshape):
        if (
            name != "manifest.json"
            and (copy / name).read_bytes() != (stored.path / name).read_bytes()
        ):
            with pytest.raises(IndexCorruptError, match=name):
                kind.index.open(copy)


def test_any_damaged_manifest_is_named(stored):
    whole = (stored.path / "manifest.json").read_bytes()
    for position, by in itertools.product(range(0, len(whole), 7), (1, 32, 255)):
        damaged = bytearray(whole)
        damaged[position] ^= by
        with pytest.raises((IndexCorruptError, IndexFormatError), match=r"manifest\.json|version"):
            Manifest.from_json(bytes(damaged))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_any_damaged_header_is_harmless_or_named(tmp_path):
    entry = write_array(tmp_path / "segment-000001.ids.npy", np.arange(100))
    file = tmp_path / entry.name
    whole = file.read_bytes()
    named = 0
    for position, by in itertools.product(range(128), (1, 4, 16, 255)):
        file.write_bytes(whole)
        spoil(file, position, by)
        try:
            column = StoredColumn(tmp_path, entry, np.int64, 100, verify="never")
            array = column.array
        except IndexCorruptError:
            named += 1
        else:
            assert array.tolist() == list(range(100))
    assert named > 400


def test_an_array_of_objects_is_never_unpickled(kind, stored):
    file = stored.path / named_files(stored.path)[0]
    size = file.stat().st_size
    np.save(file, np.array([_Trap()], object))
    file.write_bytes(file.read_bytes().ljust(size, b"\0")[:size])
    with pytest.raises(IndexCorruptError, match=file.name):
        kind.index.open(stored.path)


class _Trap:
    def __reduce__(self):
        return os._exit, (1,)


def test_the_other_segments_stay_readable(kind, stored, make, tmp_path):
    spoil(file_of_first_segment(stored, "values"), -1)
    left = kind.index.open(stored.path, damaged="skip")
    lost = 7
    assert left.ids.tolist() == [id_ for id_ in stored.ids.tolist() if id_ >= lost]
    assert left.search(make(8), 1)[1].tolist() == [[8]]
    assert left.payload(8) == "seed 8"
    with pytest.raises(IndexCorruptError, match="damaged segments"):
        left.add(make(1))
    left.save(tmp_path / "rescued")
    assert content(kind.index.open(tmp_path / "rescued")) == content(left)


def test_damage_is_never_copied_into_a_new_segment(stored, make, tmp_path):
    file = file_of_first_segment(stored, "values")
    spoil(file, -1, by=1)
    for call in (
        stored.compact,
        lambda: stored.save(tmp_path / "copy"),
        lambda: stored.add([make(1)] * 50),
    ):
        with pytest.raises(IndexCorruptError, match=file.name):
            call()
    assert [damage.file for damage in stored.verify().damaged] == [file.name]
    stored.remove([0, 2, 3, 4, 5, 6])
    assert stored.verify().ok


@pytest.mark.parametrize(("key", "position"), [("values", -1), ("offsets", -10)])
def test_damage_that_would_lead_a_kernel_astray_is_found(kind, stored, make, key, position):
    file = file_of_first_segment(stored, key)
    spoil(file, position)
    with pytest.raises(IndexCorruptError, match=f"{file.name} is damaged.*Run verify"):
        kind.index.open(stored.path).search(make(1), 1)


def test_damage_of_one_row_is_found_when_it_is_read(kind, stored):
    spoil(file_of_first_segment(stored, "values"), -1)
    spoil(file_of_first_segment(stored, "payloads"), -1)
    index = kind.index.open(stored.path)
    with pytest.raises(IndexCorruptError, match=r"\.c\w+\.npy"):
        index.signature(6)
    with pytest.raises(IndexCorruptError, match="payloads"):
        index.payload(6)


def rewrite_manifest(path, change) -> None:
    """Change the manifest and correct its checksum."""
    document = json.loads((path / "manifest.json").read_bytes())
    del document["sha256"]
    change(document)
    text = json.dumps(document, sort_keys=True).encode()
    document["sha256"] = hashlib.sha256(text).hexdigest()
    (path / "manifest.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "another"}, "another program's"),
        ({"version": 2}, "has format version 2; this semsig reads version 1. Update semsig"),
        ({"version": None}, "version None"),
        ({"schema": {}}, "KeyError"),
        ({"segments": [{"name": "x"}]}, "manifest.json is not as"),
        ({"segments": None}, "manifest.json is not as"),
    ],
)
def test_a_foreign_or_newer_manifest_is_refused(kind, stored, make, change, message):
    rewrite_manifest(stored.path, lambda document: document.update(change))
    before = sorted(stored.path.iterdir())
    for call in (lambda: kind.index.open(stored.path), lambda: stored.add(make(1))):
        with pytest.raises(IndexFormatError, match=message):
            call()
    with pytest.raises(IndexFormatError):
        verify_index(stored.path)
    assert sorted(stored.path.iterdir()) == before


def test_a_manifest_of_another_definition_is_refused(kind, stored):
    rewrite_manifest(stored.path, lambda document: document["schema"].update(fingerprint="0" * 64))
    with pytest.raises(IndexFormatError, match="another definition"):
        kind.index.open(stored.path)


@pytest.mark.parametrize("of", ["segment", "file"])
def test_a_manifest_cannot_name_files_elsewhere(kind, stored, of):
    def point_outside(document):
        segment = document["segments"][0]
        (segment if of == "segment" else segment["files"]["ids"])["name"] = "../ids.npy"

    rewrite_manifest(stored.path, point_outside)
    with pytest.raises(IndexFormatError, match=f"no name of a .*{of}"):
        kind.index.open(stored.path)


@pytest.mark.parametrize("whole", [b"[]", b"{}", b"null", b'"text"'])
def test_json_that_is_no_manifest_is_refused(kind, tmp_path, whole):
    (tmp_path / "manifest.json").write_bytes(whole)
    with pytest.raises(IndexFormatError, match=SBS_RECORDS.format):
        kind.index.open(tmp_path)


def test_a_folder_without_index_says_what_to_do(kind, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(IndexFormatError, match="holds no index"):
            kind.index.open(path)


@pytest.mark.parametrize(
    ("key", "array", "reason"),
    [
        ("values", lambda array: array[::-1], "strictly ascending"),
        ("ids", lambda array: np.zeros_like(array), "ids repeat"),
        ("payload_offsets", lambda array: array[::-1], "do not ascend"),
        ("payloads", lambda array: np.full_like(array, 255), "decode"),
    ],
)
def test_verify_finds_what_was_written_wrong(stored, key, array, reason):
    """Right checksums of wrong content: an error of the writer, not of the disk."""
    file = file_of_first_segment(stored, key)
    np.save(file, array(np.load(file)))

    def sign(document):
        files = document["segments"][0]["files"].values()
        entry = next(entry for entry in files if entry["name"] == file.name)
        entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()

    rewrite_manifest(stored.path, sign)
    faults = [f"{damage.file}: {damage.reason}" for damage in verify_index(stored.path).damaged]
    assert file.name.split(".")[0] in faults[0]
    assert any(reason in fault for fault in faults)


def test_verify_finds_removed_rows_that_never_were(stored):
    file = next(stored.path.glob("segment-000002-removed-*.npy"))
    np.save(file, np.array([99], np.int64))

    def sign(document):
        document["segments"][0]["removed"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()

    rewrite_manifest(stored.path, sign)
    [damage] = verify_index(stored.path).damaged
    assert "removed rows" in damage.reason


def test_verify_finds_ids_that_repeat_between_segments(stored):
    rewrite_manifest(
        stored.path, lambda document: document["segments"].append(document["segments"][0])
    )
    reasons = [damage.reason for damage in verify_index(stored.path).damaged]
    assert reasons == ["live ids repeat between segments"]


def test_verify_finds_a_next_id_that_was_used(stored):
    rewrite_manifest(stored.path, lambda document: document.update(next_id=3))
    reasons = [damage.reason for damage in verify_index(stored.path).damaged]
    assert reasons == ["next_id 3 was used already"]


def test_wide_cells_and_many_classes_survive(tmp_path):
    schema = SbsSchema(5, ClassTable([f"class {number}" for number in range(300)]))
    index = HammingIndex(schema)
    index.add(SbsSignature([0, 2**20 + 3], schema))
    index.save(tmp_path)
    opened = HammingIndex.open(tmp_path)
    assert opened.schema.fingerprint == schema.fingerprint
    assert opened.signature(0).cells.tolist() == [0, 2**20 + 3]
    assert verify_index(tmp_path).ok


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind here")
def test_a_read_only_folder_is_readable(kind, stored, make):
    stored.path.chmod(0o500)
    (stored.path / "writer.lock").chmod(0o400)
    index = kind.index.open(stored.path)
    assert verify_index(stored.path).ok
    with pytest.raises(IndexWriteError, match="Cannot write"):
        index.add(make(1))


def test_opening_imports_no_compiler(kind, stored):
    code = (
        f"import sys; from semsig.search import {kind.index.__name__} as Index; "
        f"Index.open({str(stored.path)!r}); print('numba' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_every_storage_error_is_a_semsig_error():
    for error in (IndexCorruptError, IndexFormatError, IndexLockedError, IndexWriteError):
        assert issubclass(error, SemsigError)


def test_ids_are_counted_from_the_first(schema, make, kind, tmp_path):
    index = kind.index(schema, first_id=1 << 40)
    assert index.add([make(1), make(2)]).tolist() == [1 << 40, (1 << 40) + 1]
    kind.index(schema, first_id=7).save(tmp_path / "index")
    assert kind.index.open(tmp_path / "index").add([make(1)]).tolist() == [7]
    with pytest.raises(OptionError, match="Ids lie in"):
        kind.index(schema, first_id=-1)
