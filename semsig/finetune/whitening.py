"""Learned whitening of a network's descriptors, in files used as ``pooled@FILE``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig.finetune.groups import Groups
from semsig.finetune.views import middle_crop
from semsig.segment import FeatureSegmenter, Segmenter
from semsig.signatures.pooled.fitting import fit_whitening
from semsig.signatures.pooled.projection import Pooling, Projection

GEM = Pooling(pool="gem", power=1.0)
"""The row of features that holds a fine-tuned network's own GeM."""

_AT_ONCE = 32

_LEAST = 1e-7
"""Axes with a smaller share of the largest variance are dropped: float32 features of unit length
are rounded by 1e-7 of their length, so an axis of rounding noise has a variance of only 1e-14."""


def gem_vectors(network: FeatureSegmenter, groups: Groups, side: int) -> NDArray[np.float64]:
    """Return the descriptors of the photos' middle squares, (N, C), unit length."""
    rows = []
    for start in range(0, len(groups), _AT_ONCE):
        some = [
            np.ascontiguousarray(middle_crop(image, side))
            for image in groups.images[start : start + _AT_ONCE]
        ]
        rows += [features[2].astype(np.float64) for _, features in network.describe(some)]
    made = np.stack(rows)
    return np.asarray(made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12))


def matching_rows(
    vectors: NDArray[np.float64], groups: Groups
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return rows and their groups to learn whitening from.

    Without known pairs these are the photos and their labels; with pairs they are both photos of
    each pair, and every pair is a group.
    """
    if groups.matches is None:
        return vectors, groups.labels
    pairs = groups.pairs()
    return vectors[pairs.ravel()], np.repeat(np.arange(len(pairs)), 2)


def learn_whitening(
    vectors: NDArray[np.float64], labels: NDArray[np.int64], network: Segmenter, training: str
) -> Projection:
    """Fit whitening to matching photos; see :func:`fit_whitening`.

    Keeps at most 128 axes, fewer than there are photos, and no more than the dimensions in which
    the vectors vary: channels that are always 0 add none.
    """
    variances = np.linalg.eigvalsh(np.cov(vectors.T))
    differ = int((variances > _LEAST * variances.max()).sum())
    dims = max(1, min(128, differ, len(vectors) - 1))
    return fit_whitening(
        vectors,
        labels,
        dims=dims,
        network=network.fingerprint,
        pooling=GEM,
        training=training,
    )


def published_whitening(
    mean: NDArray[np.float32], projection: NDArray[np.float32], network: str, training: str
) -> Projection:
    """Return a checkpoint's whitening, ``P (x - m)``, for the network with a fingerprint.

    P is scaled to a largest entry of 1, to fit float16; the scale does not matter, because
    projected vectors are normalised.
    """
    axes = projection.T / max(float(np.abs(projection).max()), 1e-12)
    return Projection(
        mean=mean.astype(np.float16),
        axes=axes.astype(np.float16),
        network=network,
        pooling=GEM,
        training=training,
    )


def whitened(vectors: NDArray[np.float64], projection: Projection) -> NDArray[np.float32]:
    """Return projected vectors of unit length, (N, K)."""
    rows = projection(vectors, projection.most_dims)
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray(unit, np.float32)
