"""Pooled descriptors as scikit-learn has features."""

import pickle

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline

from semsig import Engine, PooledTransformer
from semsig.errors import ImageError, OptionError
from semsig.signatures import PooledOptions
from tests.engine.test_pooled import COLOURS, Describing, Plain


@pytest.fixture
def photos(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(len(COLOURS))]
    for path, colour in zip(paths, COLOURS, strict=True):
        Image.fromarray(np.full((20, 30, 3), colour, np.uint8)).save(path)
    return paths


def test_rows_are_the_descriptors_that_an_engine_stores(photos):
    engine = Engine.create(None, segmenter=Describing(), levels=1)
    engine.add(photos)
    _, stored = engine.sides["pooled"].index.to_batch()
    rows = PooledTransformer(segmenter=Describing()).fit_transform(photos)
    expected = stored.matrix.astype(np.float64)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected, atol=1e-7)
    pixels = [np.asarray(Image.open(photo)) for photo in photos]
    np.testing.assert_array_equal(
        PooledTransformer(segmenter=Describing()).fit_transform(pixels), rows
    )


def test_neighbours_are_those_of_the_index(photos):
    engine = Engine.create(None, segmenter=Describing(), levels=1)
    engine.add(photos)
    model = make_pipeline(PooledTransformer(segmenter=Describing()), NearestNeighbors())
    model.fit(photos)
    rows = model[:-1].transform(photos)
    distances, found = model[-1].kneighbors(rows[:1], 3)
    hits = engine.search(photos[0], 3, signature="pooled")
    assert found[0].tolist() == [hit.id for hit in hits]
    np.testing.assert_allclose(distances[0] ** 2, [hit.distance for hit in hits], atol=1e-6)


def test_it_is_an_estimator_like_others(photos):
    transformer = PooledTransformer(segmenter=Describing(), options=PooledOptions(power=1.0))
    twin = clone(transformer)
    assert twin.options == transformer.options
    with pytest.raises(NotFittedError):
        twin.transform(photos)
    assert twin.fit(photos).get_feature_names_out().tolist() == ["pooled0", "pooled1", "pooled2"]
    assert twin.transform([]).shape == (0, 3)


def test_a_fitted_transformer_is_pickled_and_makes_data_frames(photos):
    pandas = pytest.importorskip("pandas")
    transformer = PooledTransformer(segmenter=Describing()).fit(photos)
    rows = transformer.transform(photos)
    copy = pickle.loads(pickle.dumps(transformer))  # noqa: S301
    np.testing.assert_array_equal(copy.transform(photos), rows)
    frame = copy.set_output(transform="pandas").transform(photos)
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["pooled0", "pooled1", "pooled2"]
    np.testing.assert_array_equal(frame.to_numpy(), rows)


def test_the_embedded_network_is_named_and_so_pickled():
    picture = np.random.default_rng(2).integers(0, 256, (64, 96, 3), np.uint8)
    transformer = PooledTransformer(segmenter="lite", threads=1).fit([picture])
    copy = pickle.loads(pickle.dumps(transformer))  # noqa: S301
    np.testing.assert_array_equal(copy.transform([picture]), transformer.transform([picture]))


def test_what_does_not_fit_is_refused(photos, tmp_path):
    plain = Plain()
    plain.n_features = 0
    with pytest.raises(OptionError, match="gives features"):
        PooledTransformer(segmenter=plain).fit(photos)
    fitted = PooledTransformer(segmenter=Describing()).fit(photos)
    with pytest.raises(ImageError, match="cannot be read"):
        fitted.transform([tmp_path / "gone.png"])
    with pytest.raises(OptionError, match="Expected photos"):
        fitted.transform([3])
    with pytest.raises(OptionError, match="sequence"):
        fitted.transform(photos[0])
