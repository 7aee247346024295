"""Photos -> the projection of their pooled vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.parallel import ordered_map, usable_cores
from semsig.segment import Segmenter, require_features, require_maps
from semsig.signatures.pooled.encoding import DIMS, PooledOptions, unit_vectors
from semsig.signatures.pooled.fitting import SHRINK, fit_pca, fit_whitening
from semsig.signatures.pooled.projection import Pooling, Projection
from semsig.types import Image

_TOGETHER = 8
"""Photos per batch of the network."""


def photo_vectors(
    images: Iterable[Image], segmenter: Segmenter, pooling: Pooling, *, workers: int | None = None
) -> Iterator[NDArray[np.float64]]:
    """Yield each photo's vectors of unit length, (R, C), to which a projection is fitted.

    Parameters
    ----------
    images : iterable of ndarray of uint8, shape (H, W, 3)
        RGB photos; read lazily.
    segmenter : Segmenter
        A network that gives features.
    pooling : Pooling
        How these are pooled.
    workers : int, optional
        Batches worked on at a time; one per core.

    Raises
    ------
    OptionError
        If the segmenter gives no features, or not the map that is pooled.
    """
    options = PooledOptions(pool=pooling.pool, power=pooling.power, p=pooling.p, projection=None)
    network = require_features(segmenter)
    needs_map = options.encoder(segmenter.fingerprint, network.n_features).needs_map
    describe = require_maps(segmenter).describe_maps if needs_map else network.describe

    def vectors(some: Sequence[Image]) -> list[NDArray[np.float64]]:
        return [unit_vectors(features, pooling) for _, features in describe(some)]

    left = iter(images)
    together = iter(lambda: list(islice(left, _TOGETHER)), [])
    for made in ordered_map(vectors, together, workers or usable_cores()):
        yield from made


def fit_projection(
    images: Iterable[Image],
    segmenter: Segmenter,
    *,
    pooling: Pooling | None = None,
    dims: int = DIMS,
    groups: Sequence[int] | None = None,
    whiten: float = 0.0,
    shrink: float = SHRINK,
    training: str = "",
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Projection:
    """Fit a projection to photos: PCA, or whitening learned from those that match.

    Parameters
    ----------
    images, segmenter, workers
        As :func:`photo_vectors` takes them.
    pooling : Pooling, optional
        How features are pooled; as :class:`PooledOptions` has it by default.
    dims : int
        Axes to keep.
    groups : sequence of int, optional
        One per photo: photos of one group match, those of -1 match none. Whitening is then learned,
        see :func:`fit_whitening`; without groups it is :func:`fit_pca`.
    whiten, shrink : float
        Of PCA, and of learned whitening.
    training : str
        What the photos are, in a phrase.
    progress : callable, optional
        Called with the number of photos so far.

    Raises
    ------
    OptionError
        If the segmenter gives no features, or there are too few photos or matches.
    """
    pooling = pooling or PooledOptions().pooling
    made = []
    for vectors in photo_vectors(images, segmenter, pooling, workers=workers):
        made.append(vectors)
        if progress is not None:
            progress(len(made))
    rows = np.concatenate(made) if made else np.zeros((0, require_features(segmenter).n_features))
    told = f"{len(made):,} photos{f', {training}' if training else ''}"
    network = segmenter.fingerprint
    if groups is None:
        return fit_pca(
            rows, dims=dims, network=network, pooling=pooling, whiten=whiten, training=told
        )
    each = np.repeat(np.asarray(groups, np.int64), [len(vectors) for vectors in made])
    return fit_whitening(
        rows, each, dims=dims, network=network, pooling=pooling, shrink=shrink, training=told
    )


def folder_groups(paths: Sequence[Path]) -> list[int]:
    """Return one group number per photo: photos in one folder match."""
    numbers: dict[Path, int] = {}
    return [numbers.setdefault(path.parent, len(numbers)) for path in paths]
