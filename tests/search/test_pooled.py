"""PooledIndex: exact search of pooled descriptors, kept as any index is."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.errors import IndexFormatError, OptionError, SchemaMismatchError, SignatureError
from semsig.search import HammingIndex, L2Index, PooledIndex, verify_index
from semsig.types import PooledBatch, PooledSchema, PooledSignature
from semsig.types.metrics import print_distance
from semsig.types.record_spec import records_of
from tests.reference.pooled import squared_distance

SCHEMA = PooledSchema(network="n", pool="spoc", power=1.0, dims=3)
CODES = st.lists(st.integers(-127, 127), min_size=3, max_size=3)


def signatures(rows, schema=SCHEMA):
    return [PooledSignature(np.array(row, np.int8), schema) for row in rows]


@given(rows=st.lists(CODES, min_size=1, max_size=12), query=CODES, k=st.integers(1, 15))
def test_search_is_that_of_its_plain_twin(rows, query, k):
    index = PooledIndex(SCHEMA)
    index.add(signatures(rows))
    distances, ids = index.search(signatures([query]), k)
    expected = [squared_distance(query, row) for row in rows]
    found = [number for number in ids[0].tolist() if number >= 0]
    assert len(found) == min(k, len(rows))
    np.testing.assert_allclose(distances[0][: len(found)], np.sort(expected)[:k], atol=1e-6)
    np.testing.assert_allclose(
        distances[0][: len(found)], [expected[number] for number in found], atol=1e-6
    )
    ((near, within),) = index.search_radius(signatures([query]), 1.0)
    assert (near <= 1).all()
    assert {i for i, d in enumerate(expected) if d < 1 - 1e-6} <= set(within.tolist())


def test_by_hand():
    index = PooledIndex(SCHEMA)
    index.add(signatures([[127, 0, 0], [0, 127, 0], [-127, 0, 0], [100, 100, 0], [0, 0, 0]]))
    distances, ids = index.search(signatures([[127, 0, 0]]), 5)
    assert ids[0].tolist() == [0, 3, 4, 1, 2]
    np.testing.assert_allclose(distances[0], [0, 2 - 2**0.5, 1, 2, 4], atol=1e-6)


@pytest.mark.parametrize("dims", [3, 1024, 1280, 4096])
def test_equal_codes_are_at_exactly_zero_and_ties_keep_their_order(dims):
    schema = PooledSchema(network="n", pool="gem", power=0.5, dims=dims)
    codes = np.random.default_rng(1).integers(-127, 128, (6, dims)).astype(np.int8)
    index = PooledIndex(schema)
    index.add(signatures([*codes, codes[2], codes[2]], schema))
    distances, ids = index.search(signatures([codes[2]], schema), 3)
    assert distances[0].tolist() == [0, 0, 0]
    assert ids[0].tolist() == [2, 6, 7]


def test_it_is_saved_opened_changed_and_verified(tmp_path):
    index = PooledIndex(SCHEMA, meta={"a": "b"})
    index.add(signatures([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), payloads=["x", "y", "z"])
    index.save(tmp_path / "i")
    kept = PooledIndex.open(tmp_path / "i")
    kept.remove([0])
    kept.replace([1], signatures([[7, 8, 9]]))
    again = PooledIndex.open(tmp_path / "i")
    assert again.schema == SCHEMA
    assert sorted(again.ids.tolist()) == [1, 2]
    assert again.search(signatures([[7, 8, 9]]), 2)[0].tolist() == [[0, 0]]
    assert verify_index(tmp_path / "i").ok
    again.compact()
    assert again.signature(1) == signatures([[7, 8, 9]])[0]
    with pytest.raises(IndexFormatError, match="pooled"):
        HammingIndex.open(tmp_path / "i")


def test_within_restricts(tmp_path):
    index = PooledIndex(SCHEMA)
    index.add(signatures([[1, 0, 0], [1, 1, 0], [0, 1, 0]]))
    assert index.search(signatures([[1, 0, 0]]), 3, filter_ids=[1, 2])[1].tolist() == [[1, 2, -1]]


def test_what_does_not_fit_is_refused():
    index = PooledIndex(SCHEMA)
    other = PooledSchema(network="m", pool="spoc", power=1.0, dims=3)
    with pytest.raises(SchemaMismatchError, match="same segmenter"):
        index.add(signatures([[1, 2, 3]], other))
    with pytest.raises(SignatureError, match=r"Expected int8 \(3,\)"):
        PooledSignature(np.zeros(3), SCHEMA)
    with pytest.raises(SignatureError, match="other lengths"):
        PooledBatch(np.zeros(4, np.int8), np.array([0, 4]), SCHEMA)
    with pytest.raises(SignatureError, match="range"):
        index.add(PooledBatch(np.full(3, -128, np.int8), np.array([0, 3]), SCHEMA))
    with pytest.raises(OptionError, match="SbovpSchema"):
        L2Index(SCHEMA)
    with pytest.raises(OptionError, match="schema"):
        records_of("no schema")


@pytest.mark.parametrize(
    "change",
    [{"pool": "sum"}, {"power": 0}, {"power": True}, {"dims": 0}, {"dims": 2.0}, {"network": 1}],
)
def test_schemas_out_of_range_are_refused(change):
    with pytest.raises(OptionError, match="Expected"):
        PooledSchema(**{"network": "n", "pool": "spoc", "power": 1.0, "dims": 3} | change)


def test_a_schema_survives_json():
    assert PooledSchema.from_json(SCHEMA.to_json()) == SCHEMA
    with pytest.raises(ValueError, match="another definition"):
        PooledSchema.from_json(SCHEMA.to_json() | {"dims": 4})


def test_slices_and_rows_of_a_batch():
    batch = PooledBatch.of(signatures([[1, 2, 3], [4, 5, 6], [7, 8, 9]]))
    assert list(batch[1:]) == list(batch)[1:]
    assert batch[0] == signatures([[1, 2, 3]])[0]
    assert batch[0] != batch[1]


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["int8", "float16"]),
    st.integers(1, 40),
    st.integers(1, 5),
    st.booleans(),
)
def test_screening_by_cosines_loses_no_row(seed, coding, n_rows, k, restricted):
    """Few values and many copies: distances tie, and some rows are zeros."""
    random = np.random.default_rng(seed)
    schema = PooledSchema(network="n", pool="spoc", power=1.0, dims=3, coding=coding)
    codes = random.integers(-1, 2, (n_rows, 3))
    if coding == "float16":
        codes = codes / 2
    index = PooledIndex(schema)
    index.add([PooledSignature(row.astype(coding), schema) for row in codes])
    allowed = np.flatnonzero(random.random(n_rows) < 0.6) if restricted else np.arange(n_rows)
    query = PooledSignature(codes[random.integers(n_rows)].astype(coding), schema)
    distances, ids = index.search([query], k, filter_ids=allowed)
    whole, order = index.search([query], n_rows, filter_ids=allowed)
    assert ids[0].tolist() == order[0, :k].tolist() + [-1] * max(0, k - n_rows)
    expected = [squared_distance(query.codes.tolist(), row) for row in codes[allowed].tolist()]
    found = len(allowed)
    np.testing.assert_allclose(whole[0, :found], np.sort(expected), atol=1e-6)
    by_distance = sorted(zip(whole[0, :found].tolist(), order[0, :found].tolist(), strict=True))
    assert [row for _, row in by_distance] == order[0, :found].tolist()
    halves, same = index.search([query], k, metric="cosine", filter_ids=allowed)
    assert (same == ids).all()
    np.testing.assert_array_equal(halves[ids >= 0] * 2, distances[ids >= 0])


def test_float16_is_kept_searched_and_verified(tmp_path):
    schema = PooledSchema(network="n", pool="spoc", power=1.0, dims=64, coding="float16")
    random = np.random.default_rng(0)
    values = random.normal(size=(50, 64))
    values = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)
    index = PooledIndex(schema)
    index.add([PooledSignature(row, schema) for row in values])
    index.save(tmp_path / "i")
    again = PooledIndex.open(tmp_path / "i")
    assert again.schema == schema
    assert verify_index(tmp_path / "i").ok
    distances, ids = again.search(again.signature(7), 50)
    assert (ids[0, 0], distances[0, 0]) == (7, 0)
    expected = [squared_distance(values[7].astype(float), row.astype(float)) for row in values]
    np.testing.assert_allclose(distances[0], np.sort(expected), atol=1e-6)
    with pytest.raises(SignatureError, match="finite"):
        PooledSignature(np.full(64, np.nan, np.float16), schema)
    with pytest.raises(SignatureError, match="range"):
        index.add(PooledBatch(np.full(64, 2, np.float16), np.array([0, 64]), schema))


def test_metrics_are_those_of_the_table():
    index = PooledIndex(SCHEMA)
    index.add(signatures([[1, 0, 0], [0, 1, 0]]))
    assert index.search(signatures([[1, 0, 0]]), 2, metric="cosine")[0].tolist() == [[0, 1]]
    ((near, _),) = index.search_radius(signatures([[1, 0, 0]]), 0.5, metric="cosine")
    assert near.tolist() == [0]
    with pytest.raises(OptionError, match="l2sq, cosine"):
        index.search(signatures([[1, 0, 0]]), 1, metric="hamming")
    assert print_distance(0.25, "l2sq") == "0.250 squared L2"
    assert print_distance(0.25, "cosine") == "0.250 cosine distance"


def test_schemas_of_the_first_version_keep_their_fingerprint():
    assert SCHEMA.fingerprint == (
        hashlib.sha256(
            b"semsig pooled 1; {'network': 'n', 'pool': 'spoc', 'power': 1.0, 'dims': 3}"
        ).hexdigest()
    )
    assert set(SCHEMA.to_json()) == {"fingerprint", "network", "pool", "power", "dims"}
    later = PooledSchema(network="n", pool="gem", power=1.0, dims=3, p=4.0, projection="x")
    assert PooledSchema.from_json(later.to_json()) == later
    assert later.fingerprint != replace(later, projection="y").fingerprint
