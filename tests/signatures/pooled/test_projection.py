"""Projections: fitted, kept in files, shipped."""

import json
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsig.errors import OptionError, ProjectionError
from semsig.segment import load_segmenter
from semsig.signatures import (
    PooledOptions,
    Pooling,
    Projection,
    fit_pca,
    fit_projection,
    fit_whitening,
    folder_groups,
)
from semsig.signatures.pooled import projection as module
from semsig.signatures.pooled.projection import shipped_projection

POOLING = Pooling(pool="spoc", power=0.5)
HOW = {"network": "n", "pooling": POOLING}


def rows(seed=0, n=60, channels=5):
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(n, channels)) @ random.normal(size=(channels, channels))
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


def test_principal_axes_by_hand():
    """Points spread by 2 along (3, 4) / 5, by 1 across it: variances 4 m and m."""
    along, across = np.array([0.6, 0.8]), np.array([-0.8, 0.6])
    centre = np.array([7, 1])
    points = np.stack([centre + a * along + b * across for a in (-2, 2) for b in (-1, 1)])
    plain = fit_pca(points, dims=2, **HOW)
    np.testing.assert_allclose(plain.mean, [7, 1])
    directions = plain.axes / np.linalg.norm(plain.axes.astype(float), axis=0)
    np.testing.assert_allclose(np.abs(directions.T @ along), [1, 0], atol=2e-3)
    np.testing.assert_allclose(np.abs(directions.T @ across), [0, 1], atol=2e-3)
    white = fit_pca(points, dims=2, whiten=1.0, **HOW)
    spread = white(points, 2).std(0)
    np.testing.assert_allclose(spread / spread[0], [1, 1], rtol=5e-3)


@given(st.integers(0, 2**32 - 1))
def test_axes_are_orthogonal_and_ordered(seed):
    values = rows(seed)
    projected = fit_pca(values, dims=4, **HOW)(values, 4)
    covariance = np.cov(projected.T)
    variances = np.diag(covariance)
    assert (np.diff(variances) <= 1e-3 * variances[0]).all()
    assert np.abs(covariance - np.diag(variances)).max() <= 5e-3 * variances[0]


@given(st.integers(0, 2**32 - 1))
def test_learned_whitening_makes_matches_spread_alike(seed):
    values = rows(seed)
    groups = np.random.default_rng(seed).integers(-1, 12, len(values))
    learned = fit_whitening(values, groups, dims=5, shrink=0.0, **HOW)
    projected = learned(values, 5)
    before, after = (_spread_of_matches(these, groups) for these in (values, projected))
    # float16 rounds an axis by 2^-11 of its length, which the widest direction magnifies by the
    # ratio of the widest to the narrowest spread
    tolerance = 0.01 + 16 * 2**-11 * np.sqrt(np.linalg.cond(before))
    assert np.abs(after / (np.trace(after) / 5) - np.eye(5)).max() < tolerance
    variances = projected.var(0)
    assert (np.diff(variances) <= tolerance * variances[0]).all()


def _spread_of_matches(values, groups):
    """Return the mean over all pairs of a group, which weighs one less than it has."""
    spread, weight = np.zeros((5, 5)), 0
    for group in range(12):
        members = values[groups == group]
        pairs = [(a, b) for i, a in enumerate(members) for b in members[:i]]
        if pairs:
            of_group = sum(np.outer(a - b, a - b) for a, b in pairs) / len(pairs)
            spread += (len(members) - 1) * of_group
            weight += len(members) - 1
    return spread / weight


def test_matches_end_up_nearer_than_by_pca():
    """Photos of a place differ much along one axis, places little along another."""
    random = np.random.default_rng(0)
    places = np.repeat(np.arange(20), 4)
    values = np.stack([random.normal(0, 5, 80), random.normal(0, 1, 20)[places]], 1)
    values = np.column_stack([values, random.normal(0, 0.1, 80)])

    def found(projection):
        at = projection(values, 1)[:, 0]
        distance = np.abs(at[:, None] - at) + np.diag(np.full(80, np.inf))
        return (places[distance.argmin(1)] == places).mean()

    assert found(fit_whitening(values, places, dims=1, shrink=0.0, **HOW)) > 0.9
    assert found(fit_pca(values, dims=1, **HOW)) < 0.5


def test_a_file_keeps_it_and_says_when_it_is_damaged(tmp_path):
    fitted = fit_pca(rows(), dims=3, training="a test", **HOW)
    path = tmp_path / "p.npz"
    fitted.save(path)
    again = Projection.open(path)
    assert again.fingerprint == fitted.fingerprint
    assert (again.network, again.pooling, again.most_dims) == ("n", POOLING, 3)
    assert "a test" in again.training
    content = bytearray(path.read_bytes())
    content[content.index(fitted.axes.tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(ProjectionError, match="damaged"):
        Projection.open(path)
    with pytest.raises(ProjectionError, match="cannot be read"):
        Projection.open(tmp_path / "none.npz")
    with pytest.raises(ProjectionError, match="cannot be written"):
        fitted.save(tmp_path / "none" / "p.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "semsig projection 2"}, "format"),
        ({"fingerprint": "0"}, "fingerprint says"),
        ({"pooling": {"pool": "median", "power": 1.0}}, "Expected pool"),
        ({"network": "m"}, "fingerprint says"),
    ],
)
def test_cards_of_something_else_are_refused(tmp_path, change, message):
    fit_pca(rows(), dims=3, **HOW).save(tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as arrays:
        kept = dict(arrays)
    card = json.loads(kept["card"].tobytes()) | change
    kept["card"] = np.frombuffer(json.dumps(card).encode(), np.uint8)
    np.savez(tmp_path / "p.npz", **kept)
    with pytest.raises(ProjectionError, match=message):
        Projection.open(tmp_path / "p.npz")


def test_no_pickle_and_no_endless_file(tmp_path, monkeypatch):
    path = tmp_path / "p.npz"
    np.savez(path, mean=np.array([{}], object), axes=np.zeros(1), card=np.zeros(1, np.uint8))
    with pytest.raises(ProjectionError, match="no projection"):
        Projection.open(path)
    fit_pca(rows(), dims=3, **HOW).save(path)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(ProjectionError, match="longer than"):
        Projection.open(path)


@pytest.mark.parametrize(
    ("values", "groups", "options", "message"),
    [
        (np.ones((10, 3)), None, {"dims": 2}, "differ in 2 directions, got 0"),
        (rows(n=3), None, {"dims": 3}, "more vectors than dims"),
        (rows(), None, {"dims": 6}, "dims 1 to 5"),
        (rows(), None, {"dims": 2, "whiten": 2.0}, "whiten 0 to 1"),
        (rows(), np.arange(60), {"dims": 2}, "two per folder"),
        (rows(), np.zeros(3, np.int64), {"dims": 2}, "Expected groups"),
        (rows(), np.zeros(60, np.int64), {"dims": 2, "shrink": -1.0}, "shrink at least 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(values, groups, options, message):
    fit = fit_pca if groups is None else partial(fit_whitening, groups=groups)
    with pytest.raises(OptionError, match=message):
        fit(values, **options, **HOW)


@pytest.mark.parametrize(
    ("mean", "axes"),
    [
        (np.zeros(3), np.zeros((2, 1))),
        (np.zeros(2), np.zeros((2, 3))),
        (np.zeros(2), np.full((2, 1), np.nan)),
        (np.zeros(2), np.full((2, 1), 1e9)),
    ],
)
def test_axes_that_are_none_are_refused(mean, axes):
    with pytest.raises(OptionError, match="Expected"):
        Projection(mean=mean, axes=axes, **HOW)


def test_the_shipped_one_is_that_of_the_network_at_any_side():
    pooling = PooledOptions().pooling
    small, large = (load_segmenter(name, threads=1) for name in ("lite", "lite@96"))
    shipped = shipped_projection(small.fingerprint, pooling)
    assert shipped is not None
    assert shipped.channels == small.n_features
    assert shipped_projection(large.fingerprint, pooling) is shipped
    assert shipped_projection("another", pooling) is None
    assert shipped_projection(small.fingerprint, Pooling(pool="mac", power=1.0)) is None
    schema = PooledOptions().schema(small.fingerprint, small.n_features)
    assert schema.dims == 128
    assert schema.projection == shipped.fingerprint


def test_photos_are_fitted_as_they_are_described(tmp_path):
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (40, 60, 3), np.uint8) for _ in range(9)]
    network = load_segmenter("lite@64", threads=1)
    told = []
    fitted = fit_projection(images, network, dims=3, progress=told.append)
    assert told[-1] == 9
    assert fitted.training.startswith("PCA of 9 photos")
    encoder = PooledOptions(projection=fitted).encoder(network.fingerprint, network.n_features)
    assert encoder.describe(network, images[:1])[0][1].codes.shape == (3,)
    learned = fit_projection(images, network, dims=2, groups=[0, 0, 1, 1, 2, 2, -1, -1, -1])
    assert "learned" in learned.training
    assert folder_groups([tmp_path / "a/1", tmp_path / "b/1", tmp_path / "a/2"]) == [0, 1, 0]
