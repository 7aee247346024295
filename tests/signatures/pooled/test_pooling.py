"""Poolings of a feature map, against their plain twins and one example by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.errors import OptionError, ProjectionError, SignatureError
from semsig.signatures import PooledEncoder, PooledOptions, Pooling, Projection
from semsig.signatures.pooled.encoding import pooled
from semsig.signatures.pooled.pooling import crow_weights, pool_map, regions
from tests.reference import pooling as plain

POOLS = ("spoc", "mac", "gem", "rmac", "crow")
MAPS = st.tuples(st.integers(1, 4), st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1))


def a_map(shape, seed):
    random = np.random.default_rng(seed)
    values = random.gamma(1.0, 2.0, shape) * (random.random(shape) < 0.7)
    return values.astype(np.float32)


@given(MAPS, st.sampled_from(POOLS), st.sampled_from([1.0, 2.0, 3.0, 7.5]))
def test_pools_are_their_plain_twins(given_map, pool, p):
    *shape, seed = given_map
    features = a_map(shape, seed)
    expected = plain.pool(features.astype(float).tolist(), pool, p)
    np.testing.assert_allclose(pool_map(features, pool, p), expected, rtol=1e-9, atol=1e-9)


def test_by_hand():
    """Two channels of 1 x 2 positions: (4, 0) and (3, 3)."""
    features = np.array([[[4, 0]], [[3, 3]]], np.float32)
    assert pool_map(features, "spoc").tolist() == [[2, 3]]
    assert pool_map(features, "mac").tolist() == [[4, 3]]
    np.testing.assert_allclose(pool_map(features, "gem", 2), [[math.sqrt(8), 3]])
    # m = 1, 2, 3 further squares of side 1 overlap by 0, 1/2, 2/3: 1/2 is nearest to 40 %;
    # three squares start at 0, floor(1/2), 1
    assert [columns.start for _, columns in regions(1, 2)[:3]] == [0, 0, 1]
    assert pool_map(features, "rmac")[:3].tolist() == [[4, 3], [4, 3], [0, 3]]
    # sums over channels 7 and 3, of length sqrt(58)
    positions, channels = crow_weights(features.astype(np.float64))
    weights = [math.sqrt(7 / math.sqrt(58)), math.sqrt(3 / math.sqrt(58))]
    np.testing.assert_allclose(positions, [weights])
    # active at 1/2 and all positions: log(1.5 / 0.5), log(1.5 / 1)
    np.testing.assert_allclose(channels, [math.log(3), math.log(1.5)], atol=1e-5)
    np.testing.assert_allclose(
        pool_map(features, "crow"),
        [[4 * weights[0] * math.log(3), 3 * sum(weights) * math.log(1.5)]],
        rtol=1e-5,
    )


@given(st.integers(1, 30), st.integers(1, 30))
def test_regions_lie_in_the_map_and_reach_its_ends(height, width):
    boxes = regions(height, width)
    assert boxes[0][0].start == boxes[0][1].start == 0
    for rows, columns in boxes:
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width
        assert rows.stop - rows.start == columns.stop - columns.start
    assert max(rows.stop for rows, _ in boxes) == height
    assert max(columns.stop for _, columns in boxes) == width


def test_large_values_do_not_overflow():
    features = np.full((2, 3, 3), 1e30, np.float32)
    np.testing.assert_allclose(pool_map(features, "gem", 64), [[1e30, 1e30]], rtol=1e-6)


def a_projection(pool, power, p=3.0, channels=3, dims=2, seed=0):
    random = np.random.default_rng(seed)
    return Projection(
        mean=random.random(channels) / 4,
        axes=random.normal(size=(channels, dims)),
        network="n",
        pooling=Pooling(pool=pool, power=power, p=p),
    )


@given(MAPS, st.sampled_from(POOLS), st.sampled_from([0.5, 1.0]), st.booleans())
def test_descriptors_are_their_plain_twins(given_map, pool, power, projected):
    _, height, width, seed = given_map
    features = a_map((3, height, width), seed)
    projection = a_projection(pool, power) if projected else None
    options = PooledOptions(pool=pool, power=power, projection=projection, coding="float16")
    encoder = options.encoder("n", 3)
    rows = plain.pool(features.astype(float).tolist(), pool)
    axes = (projection.mean.tolist(), projection.axes.tolist(), 2) if projected else ()
    expected = plain.descriptor(rows, power, *axes)
    np.testing.assert_allclose(encoder.sign(features).codes, expected, atol=2e-3)
    small = PooledOptions(pool=pool, power=power, projection=projection).encoder("n", 3)
    codes = small.sign(features).codes
    largest = max(map(abs, expected))
    assert np.abs(codes).max() == (127 if largest else 0)
    if largest:
        np.testing.assert_allclose(codes / 127, np.array(expected) / largest, atol=5e-3)


@pytest.mark.parametrize("pool", ["spoc", "mac", "gem"])
def test_what_networks_pool_themselves_gives_the_same_as_the_map(pool):
    features = a_map((5, 4, 6), 3)
    own = np.stack([pool_map(features, name)[0] for name in ("spoc", "mac", "gem")])
    encoder = PooledOptions(pool=pool, projection=None).encoder("n", 5)
    assert not encoder.needs_map
    difference = encoder.sign(own.astype(np.float32)).codes - encoder.sign(features).codes
    assert np.abs(difference).max() <= 1


def test_what_has_no_direction_is_zeros():
    encoder = PooledOptions(pool="rmac", power=1.0, projection=a_projection("rmac", 1.0)).encoder(
        "n", 3
    )
    assert not encoder.sign(np.zeros((3, 4, 5), np.float32)).codes.any()


def test_what_needs_the_map_says_so():
    encoder = PooledOptions(pool="crow", projection=None).encoder("n", 4)
    assert encoder.needs_map
    assert PooledOptions(pool="gem", p=2.5, projection=None).encoder("n", 4).needs_map
    with pytest.raises(SignatureError, match=r"the map \(C, h, w\)"):
        encoder.sign(np.ones((3, 4), np.float32))


def test_projections_of_others_are_refused():
    with pytest.raises(ProjectionError, match="Expected a projection of 4 channels"):
        PooledOptions(power=1.0, projection=a_projection("spoc", 1.0)).encoder("n", 4)
    with pytest.raises(ProjectionError, match="Fit it for this network"):
        PooledOptions(power=0.5, projection=a_projection("spoc", 1.0)).encoder("n", 3)
    with pytest.raises(ProjectionError, match="fitted to the network other"):
        PooledOptions(power=1.0, projection=a_projection("spoc", 1.0)).encoder("other", 3)
    own = PooledOptions(power=1.0, projection=a_projection("spoc", 1.0)).encoder("n", 3)
    with pytest.raises(ProjectionError, match="got none"):
        PooledEncoder(schema=own.schema)
    with pytest.raises(ProjectionError, match="cannot be compared"):
        pooled(np.ones((3, 3), np.float32), own.schema, a_projection("spoc", 1.0, seed=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 2.0}, "with pool 'gem' only"),
        ({"pool": "gem", "p": 0.5}, "p above 1 to 64"),
        ({"pool": "gem", "p": 65.0}, "p above 1 to 64"),
        ({"projection": "pca"}, "Expected a Projection"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        PooledOptions(**options)


def test_dims_beyond_the_axes_are_refused():
    projection = a_projection("spoc", 1.0)
    with pytest.raises(OptionError, match="dims up to 2, got 3"):
        PooledOptions(power=1.0, projection=projection, dims=3).encoder("n", 3)
    with pytest.raises(OptionError, match="Expected dims 3, got 2"):
        PooledOptions(projection=None, dims=2).encoder("n", 3)
    assert PooledOptions(power=1.0, projection=projection, dims=1).schema("n", 3).dims == 1
