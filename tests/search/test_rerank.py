import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig import ClassTable, HammingIndex, SbsSchema
from semsig.errors import OptionError, UnknownIdError
from semsig.search.options import RerankOptions
from semsig.search.reciprocal import ReciprocalNeighbors
from semsig.search.rerank import Reranker
from semsig.types.metrics import METRICS
from tests.reference import rerank as reference
from tests.search.batches import random_batch

SCHEMA = SbsSchema(1, ClassTable("abcdefgh"))


def lists_of(matrix, depth=None):
    rows = np.argsort(matrix, axis=1, kind="stable")[:, :depth]
    return np.take_along_axis(matrix, rows, axis=1).astype(np.float32), rows


def points(seed, count):
    """Distances of random points, no two alike."""
    places = np.random.default_rng(seed).normal(size=(count, 2))
    return np.linalg.norm(places[:, None] - places, axis=2)


@settings(max_examples=25)
@given(st.integers(0, 99), st.integers(1, 6), st.data())
def test_complete_lists_give_what_the_authors_published(seed, k1, data):
    matrix = points(seed, 14).astype(np.float32)
    k2 = data.draw(st.integers(1, k1))
    options = RerankOptions(k1=k1, k2=k2, weight=0.25)
    expected = reference.published(matrix.astype(float), k1, k2, 0.25)
    distances, rows = ReciprocalNeighbors(*lists_of(matrix), options).rank(*lists_of(matrix))
    found = np.empty_like(expected)
    np.put_along_axis(found, rows, distances, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 99), st.integers(4, 10), st.integers(1, 3))
def test_cut_lists_and_signatures_from_outside_by_definition(seed, depth, k1):
    matrix = points(seed, 12)
    own = lists_of(matrix[:9, :9], depth)
    asked = lists_of(matrix[9:, :9])
    asked[0][0, 7:], asked[1][0, 7:] = -1, -1
    options = RerankOptions(k1=k1, k2=1, weight=0.5, depth=depth)
    distances, rows = ReciprocalNeighbors(*own, options).rank(*asked)
    expected = np.array(reference.rank(own, asked, options))
    order = np.argsort(expected, axis=1, kind="stable")
    held = rows >= 0
    np.testing.assert_allclose(
        distances[held], np.take_along_axis(expected, order, axis=1)[held], atol=1e-6
    )
    assert (held.sum(1) == [7, 9, 9]).all()
    assert (distances[~held] == -1).all()
    for row, kept in zip(distances, held, strict=True):
        assert (np.diff(row[kept]) >= 0).all()


def test_two_groups_come_apart():
    # a bridge: 4 is nearer to 5, of the other group, than to 0, of its own
    places = np.array([0.0, 1, 2, 3, 4, 6.5, 7.5, 8.5, 9.5, 10.5])
    matrix = np.abs(places[:, None] - places)
    options = RerankOptions(k1=3, k2=2, weight=0.1)
    _, rows = ReciprocalNeighbors(*lists_of(matrix), options).rank(*lists_of(matrix))
    assert lists_of(matrix)[1][4].tolist().index(5) < lists_of(matrix)[1][4].tolist().index(0)
    assert set(rows[4, :5].tolist()) == {0, 1, 2, 3, 4}


def test_a_weight_of_1_leaves_everything_as_it_was():
    matrix = points(0, 20)
    before = lists_of(matrix)
    distances, rows = ReciprocalNeighbors(*before, RerankOptions(weight=1)).rank(*before)
    np.testing.assert_array_equal(rows, before[1])
    np.testing.assert_allclose(distances, before[0] / before[0].max(axis=1, keepdims=True))


@pytest.mark.parametrize("count", [1, 2])
def test_few_rows_and_no_queries(count):
    own = lists_of(points(0, count))
    neighbors = ReciprocalNeighbors(*own)
    assert neighbors.rank(*own)[1].tolist() == own[1].tolist()
    assert neighbors.rank(*(part[:0] for part in own))[1].shape == (0, count)


def test_alike_photos_all_have_distance_0():
    zeros = np.zeros((5, 5))
    distances, rows = ReciprocalNeighbors(*lists_of(zeros)).rank(*lists_of(zeros))
    assert not distances.any()
    assert rows.tolist() == [[0, 1, 2, 3, 4]] * 5


@pytest.fixture
def index():
    made = HammingIndex(SCHEMA)
    made.add(random_batch(30, SCHEMA, seed=1, cells_a_row=4), ids=np.arange(30)[::-1] * 7)
    return made


OPTIONS = RerankOptions(k1=4, k2=2, depth=30)


@pytest.mark.parametrize("metric", ["hamming", "tanimoto-idf"])
def test_an_index_is_ranked_as_its_lists_are(index, metric):
    _, batch = index.to_batch()
    distances, ids = index.search(batch, 30, metric=metric)
    rows = 29 - ids // 7
    neighbors = ReciprocalNeighbors(distances.astype(np.float32), rows, OPTIONS)
    expected, order = neighbors.rank(distances.astype(np.float32), rows)
    found, hits = Reranker(index, OPTIONS, metric=metric).search(batch, 9)
    np.testing.assert_array_equal(found, expected[:, :9])
    np.testing.assert_array_equal(hits, (29 - order[:, :9]) * 7)


@pytest.mark.parametrize("metric", METRICS)
def test_a_photo_is_at_exactly_zero_from_itself(index, metric):
    ids, batch = index.to_batch()
    found, hits = Reranker(index, OPTIONS, metric=metric).search(batch, 30)
    assert (found[hits == ids[:, None]] == 0).all()
    assert found.min() == 0


def test_shorter_answers_are_the_beginning_of_longer_ones(index):
    reranker = Reranker(index, OPTIONS)
    batch = random_batch(3, SCHEMA, seed=2, cells_a_row=4)
    long = reranker.search(batch, 40)
    assert (long[1][:, 30:] == -1).all()
    assert (long[0][:, 30:] == -1).all()
    for part, whole in zip(reranker.search(batch, 5), long, strict=True):
        np.testing.assert_array_equal(part, whole[:, :5])


def test_only_some_ids(index):
    batch = random_batch(2, SCHEMA, seed=3, cells_a_row=4)
    _, ids = Reranker(index, OPTIONS).search(batch, 4, filter_ids=[7, 70, 203])
    assert (np.sort(ids, axis=1) == [-1, 7, 70, 203]).all()
    with pytest.raises(UnknownIdError):
        Reranker(index, OPTIONS).search(batch, 4, filter_ids=[8])


def test_follows_changes_of_the_index(index):
    reranker = Reranker(index, OPTIONS)
    asked = random_batch(1, SCHEMA, seed=4, cells_a_row=4)
    reranker.search(asked, 3)
    index.add(asked, ids=[1000])
    index.remove([0])
    found, ids = reranker.search(asked, 30)
    assert ids[0, 0] == 1000
    assert 0 not in ids
    np.testing.assert_array_equal(found, Reranker(index, OPTIONS).search(asked, 30)[0])


def test_an_empty_index():
    found, ids = Reranker(HammingIndex(SCHEMA)).search(
        random_batch(2, SCHEMA, seed=0, cells_a_row=4), 3
    )
    assert (found == -1).all()
    assert ids.tolist() == [[-1] * 3] * 2


@pytest.mark.parametrize(
    "wrong", [{"k1": 0}, {"k2": 0}, {"k2": 31}, {"weight": -0.1}, {"weight": 2}, {"depth": 30}]
)
def test_refuses_options(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        RerankOptions(**wrong)
