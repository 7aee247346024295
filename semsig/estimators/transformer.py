"""SbsTransformer: photos or label maps to signatures, as a step of a scikit-learn pipeline."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal, Self, get_args

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from semsig.classes import ClassTable
from semsig.errors import OptionError, SemsigError
from semsig.estimators.bits import bit_names, csr_bits
from semsig.estimators.photos import PhotoTransformer, kind_of, require_sequence
from semsig.segment import DEFAULT_SEGMENTER, Segmenter, segment_paths
from semsig.signatures.sbs.encoding import sbs
from semsig.storage.packed import pack
from semsig.types import Image, LabelMap, SbsBatch, SbsSchema

Photos = Sequence[str | os.PathLike[str]] | Sequence[Image] | Sequence[LabelMap] | NDArray[Any]
"""Paths, pictures of shape (H, W, 3) uint8 RGB or label maps, of any sizes; they may be mixed."""

Output = Literal["batch", "csr", "dense", "packed"]


def _has_columns(transformer: SbsTransformer) -> bool:
    return transformer.output != "batch"


class SbsTransformer(PhotoTransformer):
    """Turn photos or label maps into semantic binary signatures.

    Learns nothing: fitting only settles the schema. A photo that cannot be read stops the
    transformation with its error, so that rows stay in step with ``y``.

    Parameters
    ----------
    levels : int
        Level n of the quadtree, 0..8; see :func:`semsig.sbs`.
    segmenter : str or Segmenter
        What segments photos: a name that :func:`semsig.load_segmenter` takes, or a segmenter.
        Label maps need none, and none is loaded for them. Only with a name can the transformer
        be pickled if the segmenter cannot.
    output : {"batch", "csr", "dense", "packed"}
        What :meth:`transform` returns:

        - ``"batch"``: SbsBatch, for :class:`SbsNeighbors` and :class:`semsig.HammingIndex`;
        - ``"csr"``: scipy.sparse.csr_array of 0 and 1, shape (N, n_bits), for other estimators;
        - ``"dense"``: the same as ndarray, which :meth:`set_output` can make a data frame;
        - ``"packed"``: ndarray of uint8, shape (N, ceil(n_bits / 8)), for faiss.
    dtype : {"float32", "float64", "uint8"}
        Dtype of the CSR and the dense output. Products of uint8 wrap around at 256.
    threads : int, optional
        Threads that a segmenter loaded by name may use; all cores by default.

    Attributes
    ----------
    schema_ : SbsSchema
        Schema of every signature.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> model = make_pipeline(SbsTransformer(levels=2, output="csr"), LogisticRegression())
    """

    def __init__(
        self,
        levels: int = 3,
        *,
        segmenter: str | Segmenter = DEFAULT_SEGMENTER,
        output: Output = "batch",
        dtype: str = "float32",
        threads: int | None = None,
    ) -> None:
        self.levels = levels
        self.segmenter = segmenter
        self.output = output
        self.dtype = dtype
        self.threads = threads

    def fit(self, X: Photos, y: object = None) -> Self:  # noqa: ARG002
        """Settle the schema: levels, and the classes of the segmenter or of the label maps.

        Parameters
        ----------
        X : sequence of str, path-like, ndarray or LabelMap
            Paths, pictures of shape (H, W, 3) uint8 RGB, or label maps; only the first is
            looked at.
        y : object
            Ignored.

        Raises
        ------
        OptionError
            If an option is out of range, or `X` is empty or no sequence.
        SegmenterError
            If the segmenter cannot be loaded.
        """
        if self.output not in get_args(Output):
            raise OptionError(f"output is one of {get_args(Output)}, got {self.output!r}.")
        if self.dtype not in ("float32", "float64", "uint8"):
            raise OptionError(f"dtype is float32, float64 or uint8, got {self.dtype!r}.")
        require_sequence(X)
        if not len(X):
            raise OptionError("fit needs at least one photo or label map, got none.")
        self.schema_ = SbsSchema(self.levels, self._classes(next(iter(X))))
        return self

    def transform(self, X: Photos) -> SbsBatch | scipy.sparse.csr_array | NDArray[Any]:
        """Return the signatures of photos or label maps, in their order.

        Parameters
        ----------
        X : sequence of str, path-like, ndarray or LabelMap
            N photos or label maps; see :meth:`fit`.

        Returns
        -------
        SbsBatch, csr_array or ndarray
            As `output` says.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called.
        ImageError
            If a photo cannot be read.
        SegmenterError
            If a photo cannot be segmented.
        SchemaMismatchError
            If a label map has other classes than those fitted.
        """
        check_is_fitted(self)
        require_sequence(X)
        signatures = (sbs(label_map, self.schema_.levels) for label_map in self._label_maps(X))
        batch = SbsBatch.of(signatures, self.schema_)
        if self.output == "packed":
            return pack(batch)
        if self.output == "batch":
            return batch
        bits = csr_bits(batch, self.dtype)
        return bits if self.output == "csr" else bits.toarray()

    @available_if(_has_columns)  # type: ignore[untyped-decorator]
    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:  # noqa: ARG002
        """Return the names of the columns, an ndarray of str objects.

        Only where the output has columns: a batch is no table, and no data frame is made of it.

        Parameters
        ----------
        input_features : object
            Ignored.

        Returns
        -------
        ndarray of object, shape (n_bits,) or (ceil(n_bits / 8),)
            ``block0_sky`` for a class that is in a block, ``block0_sky_level3`` for one whose
            proportion reaches level 3; for packed output ``byte0``, ``byte1`` and so on.
        """
        check_is_fitted(self)
        if self.output == "packed":
            return np.array(
                [f"byte{place}" for place in range(-(-self.schema_.n_bits // 8))], object
            )
        return bit_names(self.schema_)

    def _classes(self, first: object) -> ClassTable:
        return first.classes if isinstance(first, LabelMap) else self._segmenter().classes

    def _label_maps(self, photos: Iterable[Any]) -> Iterator[LabelMap]:
        for kind, alike in groupby(photos, kind_of):
            if kind == "label map":
                yield from alike
            elif kind == "path":
                yield from map(_or_raise, segment_paths(self._segmenter(), alike))
            else:
                yield from self._segmenter().batch(list(alike))


def _or_raise(outcome: tuple[object, LabelMap | SemsigError]) -> LabelMap:
    if isinstance(outcome[1], SemsigError):
        raise outcome[1]
    return outcome[1]
