import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.classes import ClassTable
from semsig.errors import OptionError, SchemaMismatchError, SignatureError
from semsig.types import SbovpBatch, SbovpSchema, SbovpSignature

ABC = ClassTable(["a", "b", "c"])
SEMANTIC = SbovpSchema(
    detector="kaze",
    vocabulary="ab" * 32,
    n_words=4,
    classes=ABC,
    words="semantic",
    space="descriptor",
    length=2,
    regions="classes",
    norm="sqrt",
)
VISUAL = dataclasses.replace(SEMANTIC, words="visual")


@st.composite
def signatures(draw, schema=SEMANTIC):
    counts = draw(st.dictionaries(st.integers(0, schema.n_columns - 1), st.integers(1, 65_535)))
    columns = sorted(counts)
    return SbovpSignature(columns, [counts[column] for column in columns], schema)


def test_schema_sizes():
    assert SEMANTIC.n_columns == 3 * 10
    assert VISUAL.n_columns == 10
    largest = dataclasses.replace(VISUAL, n_words=65_535)
    assert largest.n_columns == 65_535 * 65_536 // 2


@pytest.mark.parametrize("schema", [SEMANTIC, VISUAL, dataclasses.replace(SEMANTIC, n_words=1)])
def test_columns_are_the_upper_triangle_row_by_row(schema):
    pairs = np.stack(np.triu_indices(schema.n_words), axis=1)
    blocks = schema.n_columns // schema.n_pairs
    expected = np.tile(pairs, (blocks, 1))
    signature = SbovpSignature(range(schema.n_columns), [1] * schema.n_columns, schema)
    np.testing.assert_array_equal(signature.word_pairs, expected)
    np.testing.assert_array_equal(signature.labels, np.repeat(range(blocks), len(pairs)))


@pytest.mark.parametrize(
    ("name", "value"),
    [("detector", "sift"), ("words", "Semantic"), ("space", None), ("regions", "blobs"),
     ("norm", "l1"), ("n_words", 0), ("n_words", 65_536), ("n_words", 2.0), ("n_words", True),
     ("length", 1), ("length", 5), ("length", "2")],
)  # fmt: skip
def test_refuses_options(name, value):
    with pytest.raises(OptionError, match=name):
        dataclasses.replace(SEMANTIC, **{name: value})


def test_refuses_more_columns_than_32_bits_number():
    with pytest.raises(OptionError, match="fewer words"):
        dataclasses.replace(SEMANTIC, n_words=65_535)


@pytest.mark.parametrize(
    ("name", "value"),
    [("detector", "surf"), ("vocabulary", "cd" * 32), ("n_words", 5), ("words", "visual"),
     ("space", "picture"), ("length", 3), ("regions", "components"), ("norm", "none"),
     ("classes", ClassTable(["a", "c", "b"]))],
)  # fmt: skip
def test_every_field_makes_another_schema(name, value):
    other = dataclasses.replace(SEMANTIC, **{name: value})
    with pytest.raises(SchemaMismatchError, match="SBOVP kaze L=4 n=2"):
        SEMANTIC.require(other)


def test_names_of_tables_and_types_of_numbers_make_no_other_schema():
    table = ClassTable(["a", "b", "c"], name="other")
    other = dataclasses.replace(SEMANTIC, classes=table, n_words=np.int64(4), length=np.uint8(2))
    SEMANTIC.require(other)


def test_schema_through_json():
    document = json.loads(json.dumps(SEMANTIC.to_json()))
    assert SbovpSchema.from_json(document) == SEMANTIC
    with pytest.raises(ValueError, match="another definition"):
        SbovpSchema.from_json({**document, "fingerprint": "0" * 64})
    with pytest.raises(KeyError):
        SbovpSchema.from_json({})


@pytest.mark.parametrize(
    ("columns", "counts"),
    [([3, 3], [1, 1]), ([4, 3], [1, 1]), ([-1], [1]), ([30], [1]), ([1], [0]), ([1], [65_536]),
     ([1], [1, 1]), ([[1]], [1]), ([1], [[1]]), ([0.5], [1]), ([1], [0.5]), ([2**33], [1])],
)  # fmt: skip
def test_refuses_histograms(columns, counts):
    with pytest.raises(SignatureError, match=r"[Cc]olumns?|Counts"):
        SbovpSignature(columns, counts, SEMANTIC)


def test_arrays_are_kept_narrow_read_only_and_apart():
    columns, counts = np.array([1, 6]), np.array([2, 65_535])
    signature = SbovpSignature(columns, counts, SEMANTIC)
    assert (signature.columns.dtype, signature.counts.dtype) == (np.uint32, np.uint16)
    assert not signature.columns.flags.writeable
    assert not signature.counts.flags.writeable
    columns[0] = counts[0] = 0
    assert signature.to_dense()[[1, 6]].tolist() == [2, 65_535]
    assert signature.to_dense().sum(dtype=int) == 65_537
    assert "2 columns, SBOVP kaze" in repr(signature)


def test_signatures_equal_by_histogram_and_schema():
    a = SbovpSignature([1], [2], SEMANTIC)
    assert a == SbovpSignature([1], [2], SbovpSchema.from_json(SEMANTIC.to_json()))
    assert a != SbovpSignature([2], [2], SEMANTIC)
    assert a != SbovpSignature([1], [3], SEMANTIC)
    assert a != SbovpSignature([1], [2], VISUAL)
    assert a != [1]


@given(st.lists(signatures(), max_size=5))
def test_a_batch_gives_back_what_was_joined(rows):
    batch = SbovpBatch.of(rows, SEMANTIC)
    assert list(batch) == rows
    assert [batch[i] for i in range(-len(rows), 0)] == rows
    assert list(batch[1:3]) == rows[1:3]
    assert list(batch[::-1]) == rows[::-1]
    assert (batch.columns.dtype, batch.counts.dtype) == (np.uint32, np.uint16)
    expected = np.array([row.to_dense() for row in rows]).reshape(len(rows), 30)
    np.testing.assert_array_equal(batch.to_dense(), expected)
    for outside in (len(rows), -len(rows) - 1):
        with pytest.raises(IndexError):
            batch[outside]


def test_an_empty_batch_needs_a_schema():
    assert len(SbovpBatch.of([], SEMANTIC)) == len(SbovpBatch.of([], SEMANTIC)[:]) == 0
    with pytest.raises(SignatureError, match="needs a schema"):
        SbovpBatch.of([])


def test_a_batch_has_one_schema():
    rows = [SbovpSignature([1], [1], SEMANTIC), SbovpSignature([1], [1], VISUAL)]
    with pytest.raises(SchemaMismatchError):
        SbovpBatch.of(rows)


@pytest.mark.parametrize(
    ("columns", "counts", "offsets"),
    [
        (np.zeros(2, np.uint16), np.ones(2, np.uint16), np.array([0, 2])),
        (np.zeros(2, np.uint32), np.ones(2, np.uint32), np.array([0, 2])),
        (np.zeros(2, np.uint32), np.ones(1, np.uint16), np.array([0, 2])),
        (np.zeros((2, 1), np.uint32), np.ones(2, np.uint16), np.array([0, 2])),
        (np.zeros(2, np.uint32), np.ones(2, np.uint16), np.array([0, 1])),
        (np.zeros(2, np.uint32), np.ones(2, np.uint16), np.array([1, 2])),
        (np.zeros(2, np.uint32), np.ones(2, np.uint16), np.array([0, 2, 1, 2])),
        (np.zeros(2, np.uint32), np.ones(2, np.uint16), np.array([0, 2], np.int32)),
        (np.zeros(2, np.uint32), np.ones(2, np.uint16), np.array([], np.int64)),
    ],
)
def test_refuses_arrays_that_do_not_fit_together(columns, counts, offsets):
    with pytest.raises(SignatureError):
        SbovpBatch(columns, counts, offsets, SEMANTIC)
