"""Dense packed bits: the same signatures for other libraries, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig import interop
from semsig.classes import ClassTable
from semsig.errors import DuplicateIdError, SignatureError
from semsig.search import HammingIndex
from semsig.storage.packed import pack, unpack
from semsig.types import SbsBatch, SbsSchema, SbsSignature


@st.composite
def batches(draw) -> SbsBatch:
    names = "abcdefg"[: draw(st.integers(1, 7))]
    schema = SbsSchema(draw(st.integers(0, 2)), ClassTable(names))
    row = st.dictionaries(st.integers(0, schema.n_cells - 1), st.integers(0, 3), max_size=9)
    rows = draw(st.lists(row, max_size=5))
    signatures = [SbsSignature([c * 4 + cells[c] for c in sorted(cells)], schema) for cells in rows]
    return SbsBatch.of(signatures, schema)


@given(batches())
def test_rows_are_as_to_bits_has_them_and_come_back(batch):
    packed = pack(batch)
    assert packed.shape == (len(batch), -(-batch.schema.n_bits // 8))
    assert all(np.array_equal(bits, row.to_bits()) for bits, row in zip(packed, batch, strict=True))
    assert list(unpack(packed, batch.schema)) == list(batch)


def test_unpacking_goes_in_portions(schema, make, monkeypatch):
    monkeypatch.setattr("semsig.storage.packed._BITS_AT_ONCE", 2 * schema.n_bits)
    rows = [make(seed) for seed in range(5)]
    packed = pack(SbsBatch.of(rows))
    assert list(unpack(packed, schema)) == rows
    packed[4, 0] ^= 1
    with pytest.raises(SignatureError, match="Row 4 is no SBS"):
        unpack(packed, schema)


@given(st.integers(0, 14), st.integers(0, 4))
def test_a_flipped_bit_is_a_signature_only_where_from_bits_says_so(bit, level):
    schema = SbsSchema(0, ClassTable("abc"))
    bits = SbsSignature([3 + level] if level else [], schema).to_bits()
    bits[bit // 8] ^= 128 >> bit % 8
    try:
        expected = SbsSignature.from_bits(bits, schema)
    except SignatureError:
        with pytest.raises(SignatureError, match="Row 0 is no SBS signature"):
            unpack(bits[None], schema)
    else:
        assert list(unpack(bits[None], schema)) == [expected]


def test_padding_must_be_zero():
    schema = SbsSchema(0, ClassTable("abc"))
    with pytest.raises(SignatureError, match="padding"):
        unpack(np.array([[0, 1]], np.uint8), schema)


@pytest.mark.parametrize("packed", [np.zeros((1, 3)), np.zeros((1, 31), np.uint8), [1, 2], []])
def test_what_is_no_packed_bits_is_refused(schema, packed):
    with pytest.raises(SignatureError, match=r"shape \(N, 30\)"):
        unpack(packed, schema)


def test_an_index_goes_out_and_comes_in(stored, schema, make):
    index = HammingIndex(schema)
    index.add_packed(stored.to_packed(), stored.ids, payloads=list(stored.payloads))
    assert index.ids.tolist() == stored.ids.tolist()
    assert all(index.signature(id_) == stored.signature(id_) for id_ in index.ids.tolist())
    with pytest.raises(DuplicateIdError):
        stored.add_packed(stored.to_packed()[:1], [0])


@pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
def test_faiss_finds_the_same_distances(stored, make):
    pytest.importorskip("faiss")
    faiss_index = interop.to_faiss(stored)
    queries = [make(seed) for seed in (3, 20, 21)]
    distances, ids = faiss_index.search(np.array([query.to_bits() for query in queries]), 10)
    expected, expected_ids = stored.search(queries, 10)
    np.testing.assert_array_equal(distances, expected)
    assert set(ids[0].tolist()) == set(expected_ids[0].tolist())
    assert ids[0, 0] == 3
