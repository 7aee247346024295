"""Measures by name, such as p@10, recall@100 and ndcg@10, of judged rankings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.evaluate.measures import (
    Scores,
    average_precision,
    average_precision_first,
    average_precision_trapezoid,
    hits_at,
    normalized_discounted_gain,
    normalized_modified_retrieval_rank,
    precision_at,
    precision_at_recall,
    precision_up_to_last,
    recall_at,
    reciprocal_rank,
)

DEFAULT_MEASURES = ("map_paper", "map", "p@20", "p@r", "anmrr")
"""Measures of a benchmark by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Rankings of Q queries, junk left out, and what there was to find.

    Parameters
    ----------
    gains : ndarray of int64, shape (Q, N)
        Grade of the photo of each rank, the nearest first; 0 is not relevant.
    ideal : ndarray of int64, shape (Q, M)
        Grades of all relevant photos, ranked or not, the highest first, then 0.
    reach : ndarray of int64, shape (Q,)
        R of ``map_paper`` and ``p@r``, at least 1.
    largest : int
        The most relevant photos that any query has, these or others.
    """

    gains: NDArray[np.int64]
    ideal: NDArray[np.int64]
    reach: NDArray[np.int64]
    largest: int

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Shape (Q, N): whether the photo of each rank is relevant."""
        return self.gains > 0

    @property
    def n_relevant(self) -> NDArray[np.int64]:
        """Shape (Q,): the relevant photos that there are."""
        return np.asarray((self.ideal > 0).sum(1))


_WHOLE: dict[str, Callable[[Judged], Scores]] = {
    "map": lambda of: average_precision(of.hits, of.n_relevant),
    "map_paper": lambda of: average_precision_first(of.hits, of.reach),
    "map_trapezoid": lambda of: average_precision_trapezoid(of.hits, of.n_relevant),
    "p@r": lambda of: precision_at(of.hits, of.reach),
    "anmrr": lambda of: normalized_modified_retrieval_rank(of.hits, of.n_relevant, of.largest),
    "ndcg": lambda of: normalized_discounted_gain(of.gains, of.ideal),
    "mrr": lambda of: reciprocal_rank(of.hits),
}
_CUT: dict[str, Callable[[Judged, int], Scores]] = {
    "p": lambda of, cutoff: precision_at(of.hits, cutoff),
    "recall": lambda of, cutoff: recall_at(of.hits, of.n_relevant, cutoff),
    "ndcg": lambda of, cutoff: normalized_discounted_gain(of.gains, of.ideal, cutoff),
    "mp": lambda of, cutoff: precision_up_to_last(of.hits, cutoff),
    "hits": lambda of, cutoff: hits_at(of.hits, cutoff),
}


def check_measures(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of measures, each once.

    Parameters
    ----------
    names : sequence of str
        ``map``, ``map_paper``, ``map_trapezoid``, ``p@r``, ``anmrr``, ``ndcg``, ``mrr``, or
        ``p@K``, ``mp@K``, ``recall@K``, ``ndcg@K`` and ``hits@K`` with K at least 1.

    Raises
    ------
    OptionError
        If there is no such measure, or none is named.
    """
    for name in names:
        _find(name)
    if not names:
        raise OptionError("Expected at least one measure, such as map; got none.")
    return tuple(dict.fromkeys(names))


def measure_all(
    judged: Iterable[Judged], names: Sequence[str]
) -> tuple[dict[str, Scores], NDArray[np.float64]]:
    """Return the measures of each query, shape (Q,) each, and the mean curve, shape (101,).

    Parameters
    ----------
    judged : iterable of Judged
        All queries, in batches.
    names : sequence of str
        As :func:`check_measures` returns them.
    """
    parts, curves = [], []
    for some in judged:
        parts.append({name: _find(name)(some) for name in names})
        curves.append(precision_at_recall(some.hits, some.n_relevant))
    scores = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return scores, np.concatenate(curves).mean(0)


def lower_is_better(name: str) -> bool:
    """Tell whether lower is better for a measure, as for anmrr."""
    return name == "anmrr"


def _find(name: str) -> Callable[[Judged], Scores]:
    if name in _WHOLE:
        return _WHOLE[name]
    parts = re.fullmatch(r"(p|mp|recall|ndcg|hits)@([1-9][0-9]{0,8})", name)
    if parts is None:
        raise OptionError(
            f"Expected a measure of {', '.join(_WHOLE)}, p@K, mp@K, recall@K, ndcg@K or hits@K, K "
            f"at least 1; got {name!r}."
        )
    measure, cutoff = _CUT[parts[1]], int(parts[2])
    return lambda judged: measure(judged, cutoff)
