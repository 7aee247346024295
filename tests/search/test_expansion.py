import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig.errors import OptionError
from semsig.search.expansion import ExpandedQueries
from semsig.search.hamming import HammingIndex
from semsig.search.options import ExpandOptions
from semsig.search.rerank import Reranker
from tests.reference import expansion as reference
from tests.search.batches import random_batch
from tests.search.test_rerank import SCHEMA, lists_of, points


@settings(max_examples=30)
@given(st.integers(0, 99), st.integers(1, 6), st.integers(0, 3), st.integers(6, 14))
def test_as_by_definition_where_lists_are_complete_or_cut(seed, neighbors, alpha, depth):
    matrix = points(seed, 14)
    options = ExpandOptions(neighbors=neighbors, alpha=alpha, depth=depth)
    lists = lists_of(matrix)
    distances, rows = ExpandedQueries(*lists, options).rank(*lists)
    assert (np.diff(distances, axis=1) >= 0).all()
    for query, expected in enumerate(reference.expand(matrix, neighbors, alpha, depth)):
        np.testing.assert_allclose(distances[query], np.array(expected)[rows[query]], rtol=1e-5)


def test_averaging_squared_distances_is_averaging_vectors():
    places = np.random.default_rng(1).normal(size=(20, 3))
    matrix = np.square(places[:, None] - places).sum(2)
    lists = lists_of(matrix)
    _, rows = ExpandedQueries(*lists, ExpandOptions(neighbors=4, alpha=0)).rank(*lists)
    # the query itself is the first of its four neighbours, so it counts twice
    means = (places + places[lists[1][:, :4]].sum(1)) / 5
    expected = np.square(means[:, None] - places).sum(2)
    np.testing.assert_array_equal(rows, np.argsort(expected, axis=1))


def test_worked_by_hand():
    # places 0, 1, 3 on a line; q = 0 finds itself (weight 1) and 1 (weight 1 - 1/3)
    matrix = np.array([[0, 1, 3], [1, 0, 2], [3, 2, 0]], float)
    lists = lists_of(matrix)
    distances, rows = ExpandedQueries(*lists, ExpandOptions(neighbors=2)).rank(*lists)
    # to 0: (0 + 0 + 2/3 * 1) / (8/3); to 1: (1 + 1 + 0) / (8/3); to 3: (3 + 3 + 2/3 * 2) / (8/3)
    np.testing.assert_allclose(distances[0], [0.25, 0.75, 2.75], rtol=1e-6)
    assert rows[0].tolist() == [0, 1, 2]


def test_equal_photos_and_padding_stay_where_they_are():
    zeros, rows = np.zeros((2, 3), np.float32), np.array([[0, 1, -1], [1, 0, -1]])
    distances = np.where(rows < 0, -1, zeros).astype(np.float32)
    found = ExpandedQueries(distances, rows).rank(distances, rows)
    np.testing.assert_array_equal(found[0], distances)
    np.testing.assert_array_equal(found[1], rows)


def test_a_search_finds_the_same_photos_as_before():
    index = HammingIndex(SCHEMA)
    batch = random_batch(30, SCHEMA, seed=3)
    index.add(batch)
    expanding = Reranker(index, ExpandOptions(neighbors=3, depth=30), metric="tanimoto")
    _, ids = expanding.search(batch[:4], 30)
    plain, before = index.search(batch, 30, metric="tanimoto")
    matrix = np.take_along_axis(plain, np.argsort(before, axis=1), axis=1)
    for query, expected in enumerate(reference.expand(matrix.astype(float), 3, 1, 30)[:4]):
        found = np.array(expected)[ids[query]]
        assert (np.diff(found) > -1e-6).all()
        assert sorted(ids[query].tolist()) == list(range(30))


@pytest.mark.parametrize("wrong", [{"neighbors": 0}, {"alpha": -1}, {"neighbors": 9, "depth": 8}])
def test_refuses_options(wrong):
    with pytest.raises(OptionError, match=f"{next(iter(wrong.values()))}"):
        ExpandOptions(**wrong)
