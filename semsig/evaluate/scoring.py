"""Measures of rankings: of every query, their means and intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from semsig.datasets import Dataset, Photos
from semsig.evaluate.measures import (
    Relevance,
    Scores,
    average_precision,
    average_precision_first,
    average_precision_trapezoid,
    bootstrap_interval,
    normalized_modified_retrieval_rank,
    precision_at,
)
from semsig.evaluate.rankings import Distances, rank, some_of
from semsig.evaluate.results import Evaluation
from semsig.search.options import Reranking

Rankings = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Some queries' numbers and, for each, positions in the database; see :func:`rank`."""

Progress = Callable[[str, int, int], None]
"""Called with what is going on (``"segment"``, ``"search"``), how much is done, of how much."""


def measure(
    dataset: Dataset,
    photos: Photos,
    distances: Distances,
    *,
    usable: NDArray[np.bool_] | None = None,
    rerank: Reranking | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure retrieval by any distances on a benchmark.

    Parameters
    ----------
    dataset : Dataset
        The benchmark.
    photos : Photos
        Its photos, as :meth:`Dataset.scan` finds them.
    distances : callable
        Takes numbers of photos, (Q,), and returns their distances, (Q, N), to the photos of the
        database, in order.
    usable : ndarray of bool, optional
        Which photos take part; all by default. N counts those of the database.
    rerank : RerankOptions or ExpandOptions, optional
        How to rank anew by the neighbours of each, if at all.
    progress : callable, optional
        Told what is going on; see :data:`Progress`.
    """
    usable = np.ones(len(photos.paths), np.bool_) if usable is None else usable
    queries = np.flatnonzero(photos.is_query & usable)
    database = np.flatnonzero(photos.in_database & usable)
    rankings = rank(distances, queries, database, rerank)
    told = _told(rankings, len(queries), progress)
    scores = _score(told, photos, database, dataset, _most_relevant(photos, queries, database))
    return Evaluation(
        dataset=dataset.name,
        measures={name: float(values.mean()) for name, values in scores.items()},
        intervals={name: bootstrap_interval(values) for name, values in scores.items()},
        per_class=_by_class(scores, photos.labels[queries], photos.classes),
        n_queries=len(queries),
        n_database=len(database),
        skipped=(),
        notes=(*photos.notes, *photos.misfits),
        settings={},
    )


def _told(rankings: Rankings, n_queries: int, report: Progress | None) -> Rankings:
    """Pass rankings on and say how many have come."""
    done = 0
    for asked, order in rankings:
        yield asked, order
        done += len(asked)
        if report is not None:
            report("search", done, n_queries)


def _score(
    rankings: Rankings, photos: Photos, database: NDArray[np.int64], dataset: Dataset, largest: int
) -> dict[str, Scores]:
    """Return every measure of every query; R is never beyond the relevant photos there are."""
    parts = []
    for asked, order in rankings:
        judged = np.take_along_axis(photos.judge(asked, database), order, axis=1)
        junk_last = np.argsort(judged < 0, axis=1, kind="stable")
        relevance = np.take_along_axis(judged, junk_last, axis=1) > 0
        n_relevant = relevance.sum(1)
        first = np.clip(n_relevant, 1, dataset.cutoff)
        scores = _measure(relevance, n_relevant, first, largest)
        if dataset.mode in ("query-left-out", "listed"):
            scores["map_trapezoid"] = average_precision_trapezoid(relevance, n_relevant)
        parts.append(scores)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _most_relevant(photos: Photos, queries: NDArray[np.int64], database: NDArray[np.int64]) -> int:
    """Return the most relevant photos that any query has."""
    return max(int((photos.judge(some, database) > 0).sum(1).max()) for some in some_of(queries))


def _measure(
    relevance: Relevance, n_relevant: NDArray[np.int64], first: NDArray[np.int64], largest: int
) -> dict[str, Scores]:
    return {
        "map_paper": average_precision_first(relevance, first),
        "map": average_precision(relevance, n_relevant),
        "p@20": precision_at(relevance, 20),
        "p@r": precision_at(relevance, first),
        "anmrr": normalized_modified_retrieval_rank(relevance, n_relevant, largest),
    }


def _by_class(
    scores: Mapping[str, Scores], labels: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, dict[str, float]]:
    return {
        classes[label]: {name: float(of[labels == label].mean()) for name, of in scores.items()}
        for label in np.unique(labels)
    }
