"""Blend several signatures into one query: Rocchio's formula on stored records."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from semsig.errors import QueryError
from semsig.types import PooledSignature, SbovpSignature, SbsSignature

Signature = TypeVar("Signature", SbsSignature, PooledSignature, SbovpSignature)

_MOST_LEVEL = 4
"""Highest proportion level."""
_COUNT_SCALE = 4096
"""The largest blended count is scaled to this: rounding, by up to 1/2, is at most 1/8192 of it."""


def blend(signatures: Sequence[Signature], weights: Sequence[float]) -> Signature:
    """Return one signature near those of positive weight and far from those of negative weight.

    ``q = sum_i w_i v_i`` over the signatures' vectors v_i (Rocchio, Relevance feedback in
    information retrieval, 1971), converted to a signature of the same schema, so that any index
    accepts it as a query:

    - SBS: v is the proportion level 0..4 of each cell; q is divided by the sum of the positive
      weights and rounded to a level.
    - pooled: v is the descriptor scaled to unit length; q is scaled to the range of int8.
    - SBOVP: v is the histogram, normalised by its schema's norm; negative values become 0.

    Parameters
    ----------
    signatures : sequence of SbsSignature, PooledSignature or SbovpSignature
        At least one, all of one schema.
    weights : sequence of float
        One per signature, of any sign, at least one of them positive.

    Raises
    ------
    QueryError
        If no weight is positive, or the numbers of weights and signatures differ.
    SchemaMismatchError
        If the signatures have different schemas.
    """
    if len(signatures) != len(weights) or not any(weight > 0 for weight in weights):
        raise QueryError(
            f"Expected a weight for each of {len(signatures)} photos, one above 0 at least; got "
            f"{list(weights)}. Name a photo that is like what you look for."
        )
    for other in signatures[1:]:
        signatures[0].schema.require(other.schema)
    mixed: Signature = _blend(signatures[0], signatures, np.asarray(weights, np.float64))
    return mixed


@singledispatch
def _blend(first: Any, *_: Any) -> Any:
    raise QueryError(f"Expected signatures, got {type(first).__name__}.")


@_blend.register
def _blend_blocks(
    first: SbsSignature, signatures: Sequence[SbsSignature], weights: NDArray[np.float64]
) -> SbsSignature:
    cells = [signature.cells.astype(np.int64) >> 2 for signature in signatures]
    keys, mixed = _sum(cells, [signature.proportions for signature in signatures], weights)
    levels = np.rint(mixed / weights[weights > 0].sum()).astype(np.int64)
    levels = np.minimum(levels, _MOST_LEVEL)
    there = levels > 0
    return SbsSignature(keys[there] * 4 + levels[there] - 1, first.schema)


@_blend.register
def _blend_descriptors(
    first: PooledSignature, signatures: Sequence[PooledSignature], weights: NDArray[np.float64]
) -> PooledSignature:
    rows = np.stack([signature.codes for signature in signatures]).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    mixed = weights @ (rows / np.maximum(lengths, 1e-12))  # a row of zeros stays zero
    largest = np.abs(mixed).max()
    codes = np.rint(mixed * (127 / largest if largest else 0.0))
    return PooledSignature(codes.astype(np.int8), first.schema)


@_blend.register
def _blend_phrases(
    first: SbovpSignature, signatures: Sequence[SbovpSignature], weights: NDArray[np.float64]
) -> SbovpSignature:
    norm = first.schema.norm
    vectors = []
    for signature in signatures:
        counts = signature.counts.astype(np.float64)
        vector = np.sqrt(counts) if norm == "sqrt" else counts
        unit = 1.0 if norm == "none" else max(float(np.linalg.norm(vector)), 1e-12)
        vectors.append(vector / unit)
    columns = [signature.columns.astype(np.int64) for signature in signatures]
    keys, mixed = _sum(columns, vectors, weights)
    mixed = np.maximum(mixed, 0) ** (2 if norm == "sqrt" else 1)
    scale = 1 / weights[weights > 0].sum() if norm == "none" else _COUNT_SCALE / _largest(mixed)
    counts = np.minimum(np.rint(mixed * scale), np.iinfo(np.uint16).max).astype(np.int64)
    there = counts > 0
    return SbovpSignature(keys[there], counts[there], first.schema)


def _largest(values: NDArray[np.float64]) -> float:
    return float(values.max(initial=0)) or 1.0


def _sum(
    keys: Sequence[NDArray[np.int64]],
    values: Sequence[NDArray[Any]],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the distinct keys, ascending, and the weighted sum of the values of each."""
    union, places = np.unique(np.concatenate(keys), return_inverse=True)
    weighed = np.concatenate([w * v for w, v in zip(weights, values, strict=True)])
    return union, np.bincount(places, weighed, minlength=len(union)).astype(np.float64)
