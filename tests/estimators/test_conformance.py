"""scikit-learn's own checks of estimators.

The checks hand over rows of numbers. The estimators take photos, label maps or signatures, so each
is checked in a thin coat that makes one of each row and leaves everything else to the estimator.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import SkipTestWarning
from sklearn.utils import InputTags, get_tags
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from semsig import ClassTable, LabelMap, PooledTransformer, SbsNeighbors, SbsTransformer, sbs
from tests.engine.test_pooled import Describing

CLASSES = ClassTable(["negative", "small", "large"])


def label_map(row):
    return LabelMap(np.digitize(row, [0, 1])[None].astype(np.uint8), CLASSES)


def photo(row):
    return np.tile(np.clip(row * 32 + 128, 0, 255).astype(np.uint8)[None, :, None], (1, 1, 3))


def signature(row):
    return sbs(label_map(row), 1)


class Coat:
    """Makes samples of rows of numbers, and counts and names the columns as all estimators do."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags, tags.no_validation = InputTags(), False
        return tags

    def fit(self, X, y=None):
        return super().fit(self.samples(X, reset=True), y)

    def samples(self, X, *, reset=False):
        return [self.sample(row) for row in validate_data(self, X, reset=reset)]


class Transforming(Coat):
    def transform(self, X):
        check_is_fitted(self)
        return super().transform(self.samples(X))


class CoatedSbs(Transforming, SbsTransformer):
    sample = staticmethod(label_map)

    def __init__(
        self, levels=1, *, segmenter="none", output="dense", dtype="float32", threads=None
    ):
        super().__init__(levels, segmenter=segmenter, output=output, dtype=dtype, threads=threads)


class CoatedPooled(Transforming, PooledTransformer):
    sample = staticmethod(photo)


class CoatedNeighbors(Transforming, SbsNeighbors):
    sample = staticmethod(signature)

    def kneighbors(self, X=None, n_neighbors=None, return_distance=True):
        check_is_fitted(self)
        queries = None if X is None else self.samples(X)
        return super().kneighbors(queries, n_neighbors, return_distance)


@parametrize_with_checks(
    [CoatedSbs(), CoatedPooled(segmenter=Describing()), CoatedNeighbors(1)],
)
def test_scikit_learn_finds_nothing_wrong(estimator, check):
    assert check(estimator) is None  # a check that fails raises


@pytest.mark.parametrize("estimator", [SbsTransformer(), PooledTransformer(), SbsNeighbors()])
def test_what_samples_are_is_stated(estimator):
    tags = get_tags(estimator)
    assert (tags.input_tags.two_d_array, tags.input_tags.one_d_array) == (False, True)
    assert tags.input_tags.string == (not isinstance(estimator, SbsNeighbors))
    with pytest.warns(SkipTestWarning, match="requires input"):
        assert [done["status"] for done in check_estimator(estimator)] == ["passed"]
