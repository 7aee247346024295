"""Signatures to other libraries and back, identical to the bit."""

from __future__ import annotations

import errno
import sys
from typing import NoReturn

import numpy as np
import pytest
from bitarray import bitarray

from semsig import interop
from semsig.classes import ClassTable
from semsig.errors import IndexWriteError, SemsigError, SignatureError
from semsig.search import HammingIndex
from semsig.types import SbsBatch, SbsSchema

pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")  # faiss's SWIG


def assert_same_signatures(index: HammingIndex, other: HammingIndex) -> None:
    assert index.ids.tolist() == other.ids.tolist()
    assert all(index.signature(id_) == other.signature(id_) for id_ in index.ids.tolist())


def test_signatures_may_come_as_packed_bits(stored, schema, make):
    index = HammingIndex(schema)
    index.add(stored.to_packed(), stored.ids)
    assert_same_signatures(index, stored)
    queries = SbsBatch.of([make(3), make(20)])
    packed = np.array([query.to_bits() for query in queries])
    for found, expected in zip(index.search(packed, 4), index.search(queries, 4), strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(SignatureError, match=r"shape \(N, 30\)"):
        index.search(packed[:, :29], 1)


def test_the_names_that_faiss_has(schema, make):
    index = HammingIndex(schema)
    assert index.ntotal == 0
    index.add_with_ids([make(1), make(2)], np.array([7, 3]))
    assert index.ntotal == 2
    assert index.ids.tolist() == [7, 3]


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_packed_bits_go_through_an_npy_file(schema, make, tmp_path, monkeypatch, rows):
    monkeypatch.setattr("semsig.storage.packed._BITS_AT_ONCE", 2 * schema.n_bits)
    index = HammingIndex(schema)
    index.add([make(seed) for seed in range(rows)])
    index.write_packed(tmp_path / "bits.npy")
    bits = np.load(tmp_path / "bits.npy", allow_pickle=False)
    np.testing.assert_array_equal(bits, index.to_packed())
    other = HammingIndex(schema)
    other.add_packed(np.load(tmp_path / "bits.npy", mmap_mode="r"))
    assert_same_signatures(other, index)


def test_a_file_that_cannot_be_written_is_an_error(stored, tmp_path):
    with pytest.raises(IndexWriteError, match="no-folder"):
        stored.write_packed(tmp_path / "no-folder" / "bits.npy")


def test_a_full_disk_leaves_no_part_of_a_file(stored, tmp_path, monkeypatch):
    def full(_batch: SbsBatch) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "bits.npy").write_text("before")
    monkeypatch.setattr("semsig.storage.packed.pack", full)
    with pytest.raises(IndexWriteError, match="No space left"):
        stored.write_packed(tmp_path / "bits.npy")
    assert (tmp_path / "bits.npy").read_text() == "before"
    assert not list(tmp_path.glob("bits.npy?*"))


@pytest.mark.parametrize("endian", ["big", "little"])
def test_bitarrays_come_back(stored, schema, endian):
    rows = interop.to_bitarrays(stored)
    assert rows == [stored.signature(id_).to_bitarray() for id_ in stored.ids.tolist()]
    index = HammingIndex(schema)
    turned = (bitarray(row, endian=endian) for row in rows)
    interop.add_bitarrays(index, turned, stored.ids, payloads=list(stored.payloads))
    assert_same_signatures(index, stored)
    assert list(index.payloads) == list(stored.payloads)


def test_bitarrays_with_padding_come_back():
    schema = SbsSchema(0, ClassTable("abc"))
    index = HammingIndex(schema)
    rows = [bitarray("100 000100000000".replace(" ", "")), bitarray(15)]
    rows[1].setall(0)
    interop.add_bitarrays(index, rows)
    assert interop.to_bitarrays(index) == rows


@pytest.mark.parametrize(("row", "came"), [(bitarray(7), "7 bits"), (b"1", "bytes")])
def test_what_is_no_bitarray_of_the_schema_is_refused(schema, row, came):
    with pytest.raises(SignatureError, match=f"Row 0: expected 240 bits, got {came}"):
        interop.add_bitarrays(HammingIndex(schema), [row])


def test_faiss_gives_the_same_results_and_comes_back(stored, schema, make):
    pytest.importorskip("faiss")
    index = interop.from_faiss(interop.to_faiss(stored), schema)
    assert_same_signatures(index, stored)
    queries = SbsBatch.of([make(seed) for seed in range(20, 50)])
    packed = np.array([query.to_bits() for query in queries])
    distances, ids = interop.to_faiss(stored).search(packed, len(stored))
    expected, expected_ids = index.search(queries, len(stored))
    np.testing.assert_array_equal(distances, expected)
    untied = distances == np.roll(distances, 1, axis=1)
    untied = ~(untied | np.roll(untied, -1, axis=1))
    assert untied.sum() > 60
    np.testing.assert_array_equal(ids[untied], expected_ids[untied])


def test_a_flat_faiss_index_counts_its_ids(stored, schema):
    faiss = pytest.importorskip("faiss")
    flat = faiss.IndexBinaryFlat(schema.n_bits)
    flat.add(stored.to_packed())
    index = interop.from_faiss(flat, schema)
    assert index.ids.tolist() == list(range(len(stored)))
    np.testing.assert_array_equal(index.to_packed(), stored.to_packed())


def test_other_faiss_indexes_are_refused(schema):
    faiss = pytest.importorskip("faiss")
    with pytest.raises(SignatureError, match="got IndexBinaryHNSW"):
        interop.from_faiss(faiss.IndexBinaryHNSW(schema.n_bits), schema)
    with pytest.raises(SignatureError, match=r"\(N, 30\)"):
        interop.from_faiss(faiss.IndexBinaryFlat(64), schema)


@pytest.mark.parametrize(
    ("package", "call", "install"),
    [("pyarrow", "to_arrow", r"\.\[arrow\]"), ("faiss", "to_faiss", "faiss-cpu")],
)
def test_a_missing_package_is_named(stored, monkeypatch, package, call, install):
    monkeypatch.setitem(sys.modules, package, None)
    module = f"semsig.interop.{package.removeprefix('py')}"
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SemsigError, match=f"pip install '{install}'"):
        getattr(interop, call)(stored)
