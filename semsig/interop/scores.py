"""Hamming distance and containment as sums of scores, for engines that rank by these.

An engine sums, over the terms that query and document share, the impacts: I. To rank by Hamming's
distance W_A + W_B - 2 I it needs the document's own weight W_B too, as one more dimension of the
document, on which every query is 1:

- -W_B / 2 where weights may be negative: the score is I - W_B / 2, the distance W_A - 2 * score.
- (n_bits - W_B) / 2 where they may not, n_bits being more than any weight: the distance is
  W_A + n_bits - 2 * score.
- Where documents have no numbers, n_bits - W_B as tokens, one for each bit i that is set, which
  queries boost by 2^i, and the terms of the query by twice their impact: the distance is
  W_A + n_bits - score.

Scores are float32 in these engines, which holds integers and halves below 2^23 exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.interop.terms import impacts_of
from semsig.types import SbsSchema
from semsig.types.metrics import Metric

METRICS: Sequence[Metric] = ("hamming", "containment")
"""The distances that are linear in what is shared."""

_EXACT = 2**22
"""n_bits below which all scores, at most 2 n_bits, are below 2^23."""


def check_exact(schema: SbsSchema, engine: str) -> None:
    """Raise :class:`OptionError` unless float32 holds all scores exactly."""
    if schema.n_bits > _EXACT:
        raise OptionError(
            f"Expected signatures of at most {_EXACT:,} bits, whose scores {engine}'s float32 "
            f"holds exactly; got {schema.n_bits:,}. Use fewer levels, or PostgreSQL, ClickHouse "
            "or DuckDB."
        )


def column_name(schema: SbsSchema) -> str:
    """Return a name that is unique to signatures of this schema."""
    return f"sbs_{schema.fingerprint[:16]}"


def weight_dimension(schema: SbsSchema) -> int:
    """Return the number of the dimension for a document's own weight: one after the terms."""
    return 4 * schema.n_cells


def distance_of(
    score: float, weight: int, metric: Metric, schema: SbsSchema, *, shifted: bool
) -> float:
    """Return the distance that a score stands for.

    Parameters
    ----------
    score : float
        Sum of what is shared: I with the document's dimension for Hamming, I for containment.
    weight : int
        W_A, of the query.
    metric : {"hamming", "containment"}
        The distance.
    schema : SbsSchema
        Schema of the signatures.
    shifted : bool
        Whether the dimension is (n_bits - W_B) / 2, not -W_B / 2.
    """
    if metric == "hamming":
        return weight + shifted * schema.n_bits - round(2 * score)
    return float(np.float32(1 - round(score) / weight)) if weight else 0.0


def sparse_document(
    terms: NDArray[np.uint32], weight: int, schema: SbsSchema, *, shifted: bool
) -> tuple[list[int], list[float]]:
    """Return dimensions and values of a document, its own weight the last."""
    own = (shifted * schema.n_bits - weight) / 2
    return (
        [*terms.tolist(), weight_dimension(schema)],
        [*impacts_of(terms).astype(float).tolist(), own],
    )


def sparse_query(
    terms: NDArray[np.uint32], metric: Metric, schema: SbsSchema
) -> tuple[list[int], list[float]]:
    """Return dimensions and values of a query: 1 everywhere by Hamming.

    For containment the document's own weight gets a tiny factor instead of none, because an engine
    finds only documents that share a term; it adds less than 1 / 8 to a score that is an integer.
    """
    own = 1.0 if metric == "hamming" else 1 / (4 * schema.n_bits)
    return [*terms.tolist(), weight_dimension(schema)], [1.0] * len(terms) + [own]


def weight_tokens(weight: int, schema: SbsSchema) -> list[int]:
    """Return which bits of n_bits - W_B are set, the lowest being 0."""
    rest = schema.n_bits - weight
    return [bit for bit in range(rest.bit_length()) if rest >> bit & 1]
