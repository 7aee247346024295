import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig.errors import OptionError
from semsig.search.augmentation import AugmentedRows
from semsig.search.diffusion import DiffusedGraph
from semsig.search.hamming import HammingIndex
from semsig.search.options import AugmentOptions, DiffuseOptions
from semsig.search.rerank import Reranker
from tests.reference import diffusion as reference
from tests.search.batches import random_batch
from tests.search.test_rerank import SCHEMA, lists_of, points


@settings(max_examples=30)
@given(st.integers(0, 99), st.integers(1, 6), st.integers(1, 5), st.sampled_from([0.5, 0.99]))
def test_diffusion_by_a_dense_inverse(seed, k, seeds, alpha):
    matrix = points(seed, 15)
    options = DiffuseOptions(k=k, seeds=seeds, alpha=alpha)
    own, asked = lists_of(matrix[:12, :12]), lists_of(matrix[12:, :12])
    reached = reference.diffuse(matrix[:12, :12], matrix[12:, :12], k, seeds, alpha, 3.0)
    distances, rows = DiffusedGraph(*own, options).rank(*asked)
    best = reached.max(1, keepdims=True)
    expected = np.where(best > 0, 1 - reached / np.where(best > 0, best, 1), 1)
    np.testing.assert_allclose(distances, np.take_along_axis(expected, rows, 1), atol=1e-4)
    assert (np.diff(distances, axis=1) >= 0).all()


def test_diffusion_follows_a_curve_that_distance_cuts_short():
    # a spiral arm: its far end is nearer to the start across the gap than along it
    turns = np.linspace(0, 1.9 * np.pi, 60)
    arm = np.c_[np.cos(turns), np.sin(turns)]
    other = np.c_[0.62 * np.cos(turns[:8]), 0.62 * np.sin(turns[:8])]
    places = np.r_[arm, other]
    matrix = np.linalg.norm(places[:, None] - places, axis=2)
    lists = lists_of(matrix)
    options = DiffuseOptions(k=4, seeds=3, alpha=0.99)
    _, rows = DiffusedGraph(*lists, options).rank(*lists)
    before = lists[1][0].tolist()
    after = rows[0].tolist()
    assert min(before.index(n) for n in range(60, 68)) < before.index(20)
    assert max(after.index(n) for n in range(30)) < min(after.index(n) for n in range(60, 68))


@settings(max_examples=30)
@given(st.integers(0, 99), st.integers(1, 6), st.integers(0, 3))
def test_augmenting_squared_distances_is_averaging_vectors(seed, neighbors, alpha):
    places = np.random.default_rng(seed).normal(size=(14, 3))
    matrix = np.square(places[:, None] - places).sum(2)
    options = AugmentOptions(neighbors=neighbors, alpha=alpha)
    lists = lists_of(matrix)
    distances, rows = AugmentedRows(*lists, options).rank(*lists)
    means = reference.augmented(places, neighbors, alpha)
    expected = np.square(places[:, None] - means).sum(2)
    np.testing.assert_allclose(distances, np.take_along_axis(expected, rows, 1), atol=1e-5)
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.parametrize("kind", [DiffusedGraph, AugmentedRows])
def test_equal_photos_and_padding_stay_where_they_are(kind):
    rows = np.array([[0, 1, -1], [1, 0, -1]])
    distances = np.where(rows < 0, -1, 0).astype(np.float32)
    found = kind(distances, rows).rank(distances, rows)
    np.testing.assert_array_equal(found[0], distances)
    np.testing.assert_array_equal(found[1], rows)


@pytest.mark.parametrize("options", [DiffuseOptions(k=5), AugmentOptions(neighbors=4)])
def test_a_search_finds_the_same_photos_as_before(options):
    index = HammingIndex(SCHEMA)
    batch = random_batch(30, SCHEMA, seed=3)
    index.add(batch)
    distances, ids = Reranker(index, options).search(batch[:4], 40)
    assert (distances[:, 30:] == -1).all()
    assert [sorted(row[:30]) for row in ids] == [list(range(30))] * 4
    few = Reranker(index, options).search(batch[:4], 5)
    np.testing.assert_array_equal(few[1], ids[:, :5])


@pytest.mark.parametrize(
    "wrong",
    [{"k": 0}, {"seeds": 0}, {"alpha": 0}, {"alpha": 1}, {"gamma": 0}, {"depth": 20},
     {"seeds": 300}],
)  # fmt: skip
def test_refuses_options_of_diffusion(wrong):
    with pytest.raises(OptionError, match="Expected"):
        DiffuseOptions(**wrong)


@pytest.mark.parametrize("wrong", [{"neighbors": 0}, {"alpha": -1}, {"depth": 7}])
def test_refuses_options_of_augmentation(wrong):
    with pytest.raises(OptionError, match="Expected"):
        AugmentOptions(**wrong)
