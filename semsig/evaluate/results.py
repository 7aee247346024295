"""Results of an evaluation, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from semsig.evaluate.measures import Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A photo that was left out.

    Parameters
    ----------
    path : str
        The photo.
    reason : str
        Short name of the cause: an ImageError's reason, or ``"no-label-map"``.
    message : str
        The cause in words.
    """

    path: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Results of retrieval on a benchmark.

    Parameters
    ----------
    dataset : str
        Name of the benchmark.
    measures : mapping of str to float
        Those that were asked for (:func:`semsig.evaluate.named.check_measures`); by default
        ``map_paper``, ``map``, ``p@20``, ``p@r`` (higher is better) and ``anmrr`` (lower is), and
        ``map_trapezoid`` where that is how a dataset's authors measure.
    intervals : mapping of str to (float, float)
        95 % confidence intervals of the measures, by bootstrap over the queries.
    per_class : mapping of str to mapping of str to float
        The measures over the queries of each class.
    n_queries, n_database : int
        Numbers of queries and of photos that were searched.
    skipped : tuple of Skipped
        Photos that were left out, and why.
    notes : tuple of str
        What is missing from the folder.
    settings : mapping of str to anything JSON takes
        What the figures depend on: segmenter, its fingerprint, ranking options, mode, cutoff.
    queries : tuple of str
        Names of the queries.
    scores : mapping of str to ndarray of float64, shape (n_queries,)
        The measures of each query, in the order of `queries`; their means are `measures`.
    curve : ndarray of float64, shape (101,)
        Interpolated precision at recall 0, 0.01, ... 1, the mean over the queries.
    """

    dataset: str
    measures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    per_class: Mapping[str, Mapping[str, float]]
    n_queries: int
    n_database: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    settings: Mapping[str, Any]
    queries: tuple[str, ...] = field(default=(), repr=False)
    scores: Mapping[str, Scores] = field(default_factory=dict, repr=False, compare=False)
    curve: Scores = field(default_factory=lambda: np.zeros(101), repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold: all but single queries and the curve."""
        document = asdict(replace(self, queries=(), scores={}))
        return {name: value for name, value in document.items() if name not in _LONG}


_LONG = ("queries", "scores", "curve")
