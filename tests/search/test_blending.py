"""Blends of signatures, beside what the formula says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.errors import OptionError, QueryError
from semsig.search.blending import blend
from semsig.search.feedback import FeedbackOptions
from semsig.types import PooledSchema, PooledSignature, SbovpSignature, SbsSignature
from tests.kinds import KINDS

WEIGHTS = st.lists(st.floats(-2, 2), min_size=1, max_size=4).filter(lambda w: max(w) > 0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_one_photo_alone_is_itself(kind, weight):
    signature = KINDS[kind].make(5)
    mixed = blend([signature], [weight])
    if kind == "sbs":
        assert mixed == signature
    else:  # counts come scaled, which unit length undoes
        assert np.array_equal(mixed.columns, signature.columns)
        ratio = mixed.counts / signature.counts
        assert np.allclose(ratio, ratio.mean(), rtol=0.1)


@given(WEIGHTS)
def test_levels_are_the_rounded_weighted_mean(weights):
    schema, make = KINDS["sbs"].schema, KINDS["sbs"].make
    signatures = [make(seed) for seed in range(len(weights))]
    dense = np.zeros((len(weights), schema.n_cells))
    for row, signature in zip(dense, signatures, strict=True):
        row[signature.cells.astype(int) >> 2] = signature.proportions
    mean = np.array(weights) @ dense / sum(w for w in weights if w > 0)
    expected = np.clip(np.rint(mean), 0, 4)
    mixed = blend(signatures, weights)
    assert isinstance(mixed, SbsSignature)
    found = np.zeros(schema.n_cells)
    found[mixed.cells.astype(int) >> 2] = mixed.proportions
    near_half = np.abs(mean % 1 - 0.5) < 1e-9
    assert np.array_equal(found[~near_half], expected[~near_half])


@given(WEIGHTS)
def test_descriptors_point_where_the_sum_points(weights):
    schema = PooledSchema(network="n", pool="spoc", power=1.0, dims=64)
    rows = np.random.default_rng(0).integers(-127, 128, (len(weights), 64)).astype(np.int8)
    exact = np.array(weights) @ (rows / np.linalg.norm(rows.astype(float), axis=1)[:, None])
    mixed = blend([PooledSignature(row, schema) for row in rows], weights).codes.astype(float)
    cosine = mixed @ exact / np.linalg.norm(mixed) / np.linalg.norm(exact)
    assert cosine > 0.999


@given(WEIGHTS)
def test_histograms_lose_what_is_negative(weights):
    make = KINDS["sbovp"].make
    signatures = [make(seed) for seed in range(len(weights))]
    mixed = blend(signatures, weights)
    assert isinstance(mixed, SbovpSignature)
    liked = [s.columns for s, w in zip(signatures, weights, strict=True) if w > 0]
    assert np.isin(mixed.columns, np.concatenate(liked)).all()


@pytest.mark.parametrize("weights", [[-1.0], [0.0], [1.0, 1.0], []])
def test_what_is_like_nothing_is_refused(weights):
    with pytest.raises(QueryError, match="above 0"):
        blend([KINDS["sbs"].make(1)], weights)


def test_weights_of_feedback_sum_as_the_formula_says():
    options = FeedbackOptions(query=1.0, right=0.8, wrong=0.4)
    assert options.weights([3.0, 1.0], 2, 4) == pytest.approx(
        [0.75, 0.25, 0.4, 0.4, -0.1, -0.1, -0.1, -0.1]
    )
    assert options.weights([], 1, 0) == [0.8]
    with pytest.raises(OptionError, match="right"):
        FeedbackOptions(right=-1)
