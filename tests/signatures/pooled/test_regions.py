"""Parts of two photos that match."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.errors import SignatureError
from semsig.explain.places import place_named
from semsig.report.regions import draw_regions
from semsig.signatures import PooledOptions
from semsig.signatures.pooled.regions import match_regions
from tests.reference import pooling as plain

ENCODER = PooledOptions(power=1.0, projection=None, coding="float16").encoder("n", 2)


def test_by_hand():
    """A: channel 0 on the left, 1 on the right; B: 1 on the left, both on the right."""
    a = np.array([[[2, 0]], [[0, 5]]], np.float32)
    b = np.array([[[0, 3]], [[1, 3]]], np.float32)
    matches = match_regions(a, b, ENCODER)
    root = 0.5**0.5
    np.testing.assert_allclose(matches.similarity[0, :, 0], [[0, root], [1, root]], atol=1e-6)
    np.testing.assert_allclose(matches.best_in_a, [[root, 1]], atol=1e-6)
    np.testing.assert_allclose(matches.best_in_b, [[1, root]], atol=1e-6)
    assert [(pair.a, pair.b) for pair in matches.pairs] == [((0, 1), (0, 0)), ((0, 0), (0, 1))]
    assert matches.box((0, 1)) == (0.5, 0, 1, 1)
    whole = [np.array([2, 5]) / 29**0.5, np.array([3, 4]) / 5]
    assert matches.distance == pytest.approx(2 - 2 * whole[0] @ whole[1], abs=2e-3)
    assert "2 of 2 parts of A and of 2 of B" in matches.sentence
    assert "on the right in A, on the left in B (1.00)" in matches.sentence
    told = json.loads(json.dumps(matches.to_dict()))
    assert told["pairs"][0] == {"a": [0.5, 0, 1, 1], "b": [0, 0, 0.5, 1], "similarity": 1}


@given(st.integers(0, 2**32 - 1))
def test_similarities_are_those_of_descriptors_of_single_positions(seed):
    random = np.random.default_rng(seed)
    a, b = (random.gamma(1, 1, (2, h, w)).astype(np.float32) for h, w in ((2, 3), (3, 1)))
    matches = match_regions(a, b, ENCODER)
    for i, j in np.ndindex(2, 3):
        for k, m in np.ndindex(3, 1):
            one, other = plain.unit(a[:, i, j].tolist()), plain.unit(b[:, k, m].tolist())
            expected = sum(x * y for x, y in zip(one, other, strict=True))
            assert matches.similarity[i, j, k, m] == pytest.approx(expected, abs=1e-5)
    for pair in matches.pairs:
        assert pair.similarity == matches.best_in_a[pair.a] == matches.best_in_b[pair.b]


def test_maps_of_other_networks_are_refused():
    with pytest.raises(SignatureError, match="one network"):
        match_regions(np.ones((2, 1, 1), np.float32), np.ones((3, 1, 1), np.float32), ENCODER)


@pytest.mark.parametrize(
    ("box", "words"),
    [((0, 0, 0.2, 0.2), "upper left"), ((0.4, 0.4, 0.6, 0.6), "in the centre"),
     ((0.9, 0.9, 1, 1), "lower right")],
)  # fmt: skip
def test_places_have_names(box, words):
    assert place_named(box) == words


def test_what_matches_stays_and_the_rest_fades():
    image = np.full((40, 60, 3), (200, 0, 0), np.uint8)
    alike = np.array([[1, 0]], np.float32)
    drawn = draw_regions(image, alike, [])
    assert (drawn[:, 0] == image[:, 0]).all()
    assert (drawn[:, -1].min(1) > 150).all()
    framed = draw_regions(image, alike, [(0.5, 0, 1, 1)])
    assert (framed != drawn).any()
    assert (framed[:, :29] == drawn[:, :29]).all()
