"""The scan over histograms answers as the definition has it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig import SbovpBatch, SbovpSignature
from semsig.errors import OptionError, SchemaMismatchError
from semsig.search.histograms import HistogramScan
from tests.reference import histogram_l2 as reference
from tests.search.batches import threads
from tests.search.histograms import NORMS, batches, random_batch, schema_of


def pairs(distances, rows):
    return [(float(d), int(r)) for d, r in zip(distances, rows, strict=True)]


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=40)
@given(data=st.data(), k=st.integers(1, 12))
def test_as_by_definition(norm, data, k):
    schema = schema_of(norm)
    rows, queries = data.draw(batches(schema)), data.draw(batches(schema, 3))
    mask = st.none() | st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))
    drawn = data.draw(mask)
    allowed = None if drawn is None else np.array(drawn, np.bool_)
    distances, found = HistogramScan(rows).search(queries, k, allowed=allowed)
    assert distances.shape == found.shape == (len(queries), k)
    assert distances.dtype == np.float32
    for q, query in enumerate(queries):
        assert pairs(distances[q], found[q]) == reference.search(rows, query, k, allowed)


@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=25)
@given(data=st.data(), radius=st.sampled_from([0, 0.5, 1, 1.4, 7, 400]))
def test_radius_keeps_what_is_within(norm, data, radius):
    schema = schema_of(norm)
    rows, queries = data.draw(batches(schema)), data.draw(batches(schema, 2))
    answers = HistogramScan(rows).search_radius(queries, radius)
    assert len(answers) == len(queries)
    for query, answer in zip(queries, answers, strict=True):
        every = reference.search(rows, query, len(rows))
        assert pairs(*answer) == [pair for pair in every if pair[0] <= radius]


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        ("none", [np.sqrt((3 - 1) ** 2 + 4**2), 5, np.sqrt(9 + 16 + 4)]),
        ("l2", [np.sqrt(2 - 2 * 3 / 5), 1, np.sqrt(2)]),
        ("sqrt", [np.sqrt(2 - 2 * np.sqrt(3) / np.sqrt(7)), 1, np.sqrt(2)]),
    ],
)
def test_worked_by_hand(norm, expected):
    """Counts 3 and 4, against 1 in the first column, nothing at all, and 2 elsewhere."""
    schema = schema_of(norm)
    others = [([0], [1]), ([], []), ([2], [2])]
    rows = SbovpBatch.of([SbovpSignature(*other, schema) for other in others])
    query = SbovpBatch.of([SbovpSignature([0, 1], [3, 4], schema)])
    distances, found = HistogramScan(rows).search(query, 3)
    by_row = np.take_along_axis(distances, np.argsort(found, axis=1), axis=1)[0]
    np.testing.assert_array_equal(by_row, np.float32(expected))


@pytest.mark.parametrize("norm", NORMS)
def test_itself_is_nearest_at_zero_and_distance_is_symmetric(norm):
    batch = random_batch(30, schema_of(norm), seed=3)
    distances, rows = HistogramScan(batch).search(batch, len(batch))
    assert (distances[:, 0] == 0).all()
    matrix = np.take_along_axis(distances, np.argsort(rows, axis=1), axis=1)
    np.testing.assert_array_equal(matrix, matrix.T)


@pytest.mark.parametrize("norm", ["l2", "sqrt"])
def test_unit_length_hides_how_often_all_was_counted(norm):
    schema = schema_of(norm)
    once = SbovpSignature([0, 3, 9], [1, 2, 3], schema)
    often = SbovpSignature([0, 3, 9], [7, 14, 21], schema)
    distances, _ = HistogramScan(SbovpBatch.of([often])).search(SbovpBatch.of([once]), 1)
    assert distances[0, 0] < 5e-8


def test_whole_counts_rank_exactly_beyond_what_float32_tells_apart():
    schema = schema_of("none")
    rows = SbovpBatch.of([SbovpSignature([0, 1], [60_000, c], schema) for c in (4, 2, 3, 1)])
    query = SbovpBatch.of([SbovpSignature([], [], schema)])
    distances, found = HistogramScan(rows).search(query, 4)
    assert found.tolist() == [[3, 1, 2, 0]]
    assert set(distances[0].tolist()) == {60_000.0}


@pytest.mark.parametrize("norm", NORMS)
def test_rows_far_apart_in_a_wide_table(norm):
    schema = schema_of(norm, n_words=9000, classes=[str(c) for c in range(100)])
    assert schema.n_columns > 2**31
    last = schema.n_columns - 1
    rows = SbovpBatch.of([SbovpSignature([0, 77, last], [1, 2, 3], schema)] * 2)
    query = SbovpBatch.of([SbovpSignature([78, last], [1, 3], schema)])
    distances, found = HistogramScan(rows).search(query, 2)
    assert pairs(distances[0], found[0]) == reference.search(rows, query[0], 2)


def test_read_only_and_strided_arrays_are_searched():
    batch = random_batch(20, schema_of("sqrt"), seed=4)
    columns, counts = np.repeat(batch.columns, 2)[::2], np.repeat(batch.counts, 2)[::2]
    strided = SbovpBatch(columns, counts, batch.offsets, batch.schema)
    for array in (batch.columns, batch.counts, batch.offsets):
        array.flags.writeable = False
    expected, found = (
        HistogramScan(batch).search(batch, 5),
        HistogramScan(strided).search(strided, 5),
    )
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_refuses_what_it_cannot_answer():
    schema = schema_of("sqrt")
    scan, queries = HistogramScan(SbovpBatch.of([], schema)), SbovpBatch.of([], schema)
    with pytest.raises(OptionError, match="k is an integer >= 1"):
        scan.search(queries, 0)
    with pytest.raises(OptionError, match="allowed"):
        scan.search(queries, 1, allowed=np.ones(3, np.bool_))
    with pytest.raises(SchemaMismatchError):
        scan.search(SbovpBatch.of([], schema_of("l2")), 1)


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_many_chunks_and_threads_agree_with_dense_arithmetic(norm):
    schema = schema_of(norm)
    rows, queries = random_batch(40_000, schema, seed=1), random_batch(5, schema, seed=2)
    allowed = np.arange(len(rows)) % 7 != 0
    scan = HistogramScan(rows)
    expected = scan.search(queries, 300, allowed=allowed)
    exact = dense_distances(rows, queries)
    np.testing.assert_allclose(
        expected[0], np.sort(exact[:, allowed], axis=1)[:, :300], atol=2e-7, rtol=1e-6
    )
    for count in (1, 2, 3, 8):
        with threads(count):
            found = HistogramScan(rows).search(queries, 300, allowed=allowed)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.slow
@pytest.mark.parametrize("norm", NORMS)
def test_many_queries_at_once_find_what_each_finds_alone(norm):
    schema = schema_of(norm, n_words=6)
    scan = HistogramScan(random_batch(17_001, schema, seed=5))
    queries = random_batch(67, schema, seed=6)
    with threads(1):
        distances, rows = scan.search(queries, 9)
        for i in range(len(queries)):
            alone = scan.search(queries[i : i + 1], 9)
            np.testing.assert_array_equal(distances[i], alone[0][0])
            np.testing.assert_array_equal(rows[i], alone[1][0])


def dense_distances(rows, queries):
    norm = rows.schema.norm
    a, b = (batch.to_dense().astype(np.float64) for batch in (rows, queries))
    if norm == "sqrt":
        a, b = np.sqrt(a), np.sqrt(b)
    if norm != "none":
        a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    return np.sqrt(((b[:, None] - a[None]) ** 2).sum(axis=2))
