"""PooledTransformer: photos to pooled descriptors, as a step of a scikit-learn pipeline."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from semsig.errors import OptionError
from semsig.estimators.photos import PhotoTransformer, require_sequence
from semsig.photo import Photo
from semsig.segment import DEFAULT_SEGMENTER, Segmenter
from semsig.signatures import Inputs, PooledEncoder, PooledOptions, Signer, load_signature
from semsig.types import Image

Photos = Sequence[str | os.PathLike[str]] | Sequence[Image] | NDArray[Any]
"""Paths or pictures of shape (H, W, 3) uint8 RGB, of any sizes; they may be mixed."""

_BATCH = 32
"""Photos that are read and given to the network together."""


class PooledTransformer(PhotoTransformer):
    """Turn photos into pooled descriptors of unit length.

    Learns nothing: fitting only settles the schema. A photo that cannot be read stops the
    transformation with its error, so that rows stay in step with ``y``.

    Parameters
    ----------
    segmenter : str or Segmenter
        A network that gives features, or a name that :func:`semsig.load_segmenter` takes.
    options : PooledOptions, optional
        How features are pooled, projected and coded; see there for the defaults.
    threads : int, optional
        Threads that a network loaded by name may use; all cores by default.

    Attributes
    ----------
    schema_ : PooledSchema
        Schema of every descriptor.

    Examples
    --------
    >>> from sklearn.neighbors import NearestNeighbors
    >>> from sklearn.pipeline import make_pipeline
    >>> model = make_pipeline(PooledTransformer(), NearestNeighbors())
    """

    def __init__(
        self,
        *,
        segmenter: str | Segmenter = DEFAULT_SEGMENTER,
        options: PooledOptions | None = None,
        threads: int | None = None,
    ) -> None:
        self.segmenter = segmenter
        self.options = options
        self.threads = threads

    def fit(self, X: Photos, y: object = None) -> Self:  # noqa: ARG002
        """Settle the schema.

        Parameters
        ----------
        X : sequence of str, path-like or ndarray
            Paths, or pictures of shape (H, W, 3) uint8 RGB; none is looked at.
        y : object
            Ignored.

        Raises
        ------
        OptionError
            If the segmenter gives no features, or `X` is no sequence.
        SegmenterError
            If the segmenter cannot be loaded.
        """
        require_sequence(X)
        self._encoder: PooledEncoder = load_signature("pooled").encoder(  # type: ignore[assignment]
            self._segmenter(), options=self.options
        )
        self.schema_ = self._encoder.schema
        return self

    def transform(self, X: Photos) -> NDArray[np.float32]:
        """Return the descriptors of photos, in their order.

        Parameters
        ----------
        X : sequence of str, path-like or ndarray
            N photos; see :meth:`fit`.

        Returns
        -------
        ndarray of float32, shape (N, D)
            Rows of length 1, or of zeros where all features are 0: inner products are
            similarities, squared Euclidean distances those of :class:`semsig.PooledIndex`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called.
        ImageError
            If a photo cannot be read.
        """
        check_is_fitted(self)
        require_sequence(X)
        codes = [signature.codes.astype(np.float64) for signature in self._signatures(X)]
        rows = np.stack(codes) if codes else np.zeros((0, self.schema_.dims))
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:  # noqa: ARG002
        """Return names of the D columns, an ndarray of str objects: ``pooled0``, ``pooled1``..."""
        check_is_fitted(self)
        return np.array([f"pooled{column}" for column in range(self.schema_.dims)], object)

    def _signatures(self, photos: Photos) -> Iterator[Any]:
        signer = Signer(self._segmenter, {"pooled": self._encoder})
        waiting = iter(photos)
        while some := [_read(signer, photo) for photo in islice(waiting, _BATCH)]:
            yield from (signed["pooled"] for signed in signer.sign(some))


def _read(signer: Signer, photo: Any) -> Inputs:
    if isinstance(photo, np.ndarray):
        return Inputs(image=photo)
    if not isinstance(photo, str | os.PathLike):
        raise OptionError(f"Expected photos, as paths or pixels; got {type(photo).__name__}.")
    with Photo(photo) as opened:
        return signer.read(opened)
