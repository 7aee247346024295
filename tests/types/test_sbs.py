import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.classes import ClassTable
from semsig.errors import OptionError, SchemaMismatchError, SignatureError
from semsig.types import SbsBatch, SbsSchema, SbsSignature

ABC = ClassTable(["a", "b", "c"])
SMALL = SbsSchema(1, ABC)  # 4 blocks, 12 cells, 60 bits
LARGE = SbsSchema(4, ClassTable([f"c{i}" for i in range(100)]))  # uint32 cells


@st.composite
def signatures(draw, schema=SMALL):
    levels = draw(st.dictionaries(st.integers(0, schema.n_cells - 1), st.integers(0, 3)))
    return SbsSignature([cell * 4 + levels[cell] for cell in sorted(levels)], schema)


def test_schema_sizes():
    assert (SMALL.n_blocks, SMALL.n_cells, SMALL.n_bits) == (4, 12, 60)
    paper = SbsSchema(3, ClassTable.builtin("mseg"))
    assert paper.n_bits == 62_080


@pytest.mark.parametrize(
    ("n_classes", "levels", "dtype"),
    [(256, 3, np.uint16), (257, 3, np.uint32), (64, 4, np.uint16), (1, 7, np.uint16),
     (1, 8, np.uint32)],
)  # fmt: skip
def test_cells_are_as_narrow_as_they_can_be(n_classes, levels, dtype):
    schema = SbsSchema(levels, ClassTable([f"c{i}" for i in range(n_classes)]))
    assert schema.cell_dtype == dtype
    last = schema.n_cells * 4 - 1
    assert SbsSignature([last], schema).cells.tolist() == [last]


@pytest.mark.parametrize("levels", [-1, 9, 1.0, "1", None, True])
def test_refuses_levels(levels):
    with pytest.raises(OptionError, match="levels"):
        SbsSchema(levels, ABC)


def test_refuses_more_cells_than_32_bits_number():
    with pytest.raises(OptionError, match="fewer levels"):
        SbsSchema(8, ClassTable([f"c{i}" for i in range(16_385)]))


@pytest.mark.parametrize("levels", [np.int64(1), np.uint8(1)])
def test_whole_numbers_of_any_type_mean_the_same_schema(levels):
    assert SbsSchema(levels, ABC) == SMALL
    assert SbsSchema(levels, ABC).fingerprint == SMALL.fingerprint


def test_schemas_compare_by_levels_and_class_names():
    SMALL.require(SbsSchema(1, ClassTable(["a", "b", "c"], name="other")))
    for other in (SbsSchema(2, ABC), SbsSchema(1, ClassTable(["a", "c", "b"]))):
        with pytest.raises(SchemaMismatchError, match=r"SBS n=1 over 'custom' \(3 classes"):
            SMALL.require(other)


def test_a_signature_read_by_hand():
    # block 1, class 2 = cell 5 at level 4; block 3, class 0 = cell 9 at level 1
    signature = SbsSignature([5 * 4 + 3, 9 * 4], SMALL)
    assert signature.blocks.tolist() == [1, 3]
    assert signature.labels.tolist() == [2, 0]
    assert signature.proportions.tolist() == [4, 1]
    assert signature.weight == 7
    bits = signature.to_bitarray().to01()
    nibbles = ["0000"] * 12
    nibbles[5], nibbles[9] = "1111", "0001"
    assert bits == "000001000100" + "".join(nibbles)


@pytest.mark.parametrize("schema", [SMALL, LARGE])
@given(data=st.data())
def test_bits_round_trip_and_count_the_weight(schema, data):
    signature = data.draw(signatures(schema))
    bits = signature.to_bits()
    assert bits.dtype == np.uint8
    assert bits.shape == (-(-schema.n_bits // 8),)
    assert np.unpackbits(bits).sum() == signature.weight
    assert signature.to_bitarray().count() == signature.weight
    assert SbsSignature.from_bits(bits, schema) == signature


@given(signatures(), signatures())
def test_bits_differ_as_the_definition_of_hamming_says(a, b):
    def levels(signature):
        dense = np.zeros(SMALL.n_cells, int)
        dense[signature.blocks * 3 + signature.labels] = signature.proportions
        return dense

    expected = np.abs(levels(a) - levels(b)).sum() + ((levels(a) > 0) != (levels(b) > 0)).sum()
    assert (np.unpackbits(a.to_bits()) != np.unpackbits(b.to_bits())).sum() == expected


@given(st.integers(0, 59), signatures())
def test_one_flipped_bit_is_noticed_or_is_another_signature(position, signature):
    bits = np.unpackbits(signature.to_bits())
    bits[position] ^= 1
    flipped = np.packbits(bits)
    try:
        other = SbsSignature.from_bits(flipped, SMALL)
    except SignatureError:
        return
    assert other != signature
    np.testing.assert_array_equal(other.to_bits(), flipped)


def test_refuses_bits():
    good = SbsSignature([3], SMALL).to_bits()
    padded = good.copy()
    padded[-1] |= 1
    for bits in (good[:-1], good.astype(np.int64), good[None], padded, np.full_like(good, 255)):
        with pytest.raises(SignatureError):
            SbsSignature.from_bits(bits, SMALL)


@pytest.mark.parametrize(
    "cells", [[3, 3], [4, 3], [4, 5], [-1], [48], [2**33], [[1]], [0.5], ["a"]]
)
def test_refuses_cells(cells):
    with pytest.raises(SignatureError, match="Cells"):
        SbsSignature(cells, SMALL)


@pytest.mark.parametrize("schema", [SMALL, LARGE])
def test_cells_are_kept_narrow_read_only_and_apart(schema):
    given_cells = np.array([1, 6], np.int64)
    signature = SbsSignature(given_cells, schema)
    assert signature.cells.dtype == schema.cell_dtype
    assert not signature.cells.flags.writeable
    given_cells[0] = 0
    assert signature.cells.tolist() == [1, 6]


def test_empty_signature():
    empty = SbsSignature([], SMALL)
    assert len(empty.cells) == empty.weight == 0
    assert empty.cells.dtype == np.uint16
    assert SbsSignature.from_bits(empty.to_bits(), SMALL) == empty


def test_signatures_equal_by_cells_and_schema():
    assert SbsSignature([1], SMALL) == SbsSignature([1], SbsSchema(1, ClassTable(["a", "b", "c"])))
    assert SbsSignature([1], SMALL) != SbsSignature([2], SMALL)
    assert SbsSignature([1], SMALL) != SbsSignature([1], SbsSchema(2, ABC))
    assert SbsSignature([1], SMALL) != [1]
    assert "1 cells, SBS n=1" in repr(SbsSignature([1], SMALL))


@given(st.lists(signatures(), max_size=5))
def test_a_batch_gives_back_what_was_joined(rows):
    batch = SbsBatch.of(rows, SMALL)
    assert list(batch) == rows
    assert len(batch) == len(rows)
    assert [batch[i] for i in range(-len(rows), 0)] == rows
    assert list(batch[1:3]) == rows[1:3]
    assert list(batch[::-1]) == rows[::-1]
    assert batch.cells.dtype == np.uint16
    for outside in (len(rows), -len(rows) - 1):
        with pytest.raises(IndexError):
            batch[outside]


def test_an_empty_batch_needs_a_schema():
    assert len(SbsBatch.of([], SMALL)) == len(SbsBatch.of([], SMALL)[:]) == 0
    with pytest.raises(SignatureError, match="needs a schema"):
        SbsBatch.of([])


def test_a_batch_has_one_schema():
    rows = [SbsSignature([1], SMALL), SbsSignature([1], SbsSchema(2, ABC))]
    with pytest.raises(SchemaMismatchError):
        SbsBatch.of(rows)
    with pytest.raises(SchemaMismatchError):
        SbsBatch.of(rows[:1], SbsSchema(2, ABC))


@pytest.mark.parametrize(
    ("cells", "offsets"),
    [
        (np.zeros(2, np.uint32), np.array([0, 2])),
        (np.zeros((1, 2), np.uint16), np.array([0, 2])),
        (np.zeros(2, np.uint16), np.array([0, 1])),
        (np.zeros(2, np.uint16), np.array([1, 2])),
        (np.zeros(2, np.uint16), np.array([0, 2, 1, 2])),
        (np.zeros(2, np.uint16), np.array([0, 2], np.int32)),
        (np.zeros(2, np.uint16), np.array([], np.int64)),
        (np.zeros(2, np.uint16), np.array([[0, 2]])),
    ],
)
def test_refuses_arrays_that_do_not_fit_together(cells, offsets):
    with pytest.raises(SignatureError):
        SbsBatch(cells, offsets, SMALL)
