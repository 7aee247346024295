"""Measures of rankings: of every query, their means and intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from semsig.datasets import Dataset, Photos
from semsig.evaluate.measures import Scores, bootstrap_interval
from semsig.evaluate.named import DEFAULT_MEASURES, Judged, check_measures, measure_all
from semsig.evaluate.rankings import Distances, rank, some_of
from semsig.evaluate.results import Evaluation
from semsig.search.options import Reranking

Rankings = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Some queries' numbers and, for each, positions in the database; see :func:`rank`."""

Progress = Callable[[str, int, int], None]
"""Called with what is going on (``"segment"``, ``"search"``), how much is done, of how much."""

Hear = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]], None]
"""Called with some queries' numbers (q,) and, for each, photos (q, N), the nearest first and junk
last, and the grade of each; see :meth:`Photos.judge`."""

Verify = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]
"""Called with some queries' numbers (q,) and, for each, photos (q, N), the nearest first; returns
the new order of their columns (q, N)."""


def measure(
    dataset: Dataset,
    photos: Photos,
    distances: Distances,
    *,
    usable: NDArray[np.bool_] | None = None,
    rerank: Reranking | None = None,
    verify: Verify | None = None,
    measures: Sequence[str] | None = None,
    hear: Hear | None = None,
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
    rerank : Reranking, optional
        How to re-rank by the neighbours of each, if at all.
    verify : callable, optional
        Re-orders ranked photos; see :data:`Verify`.
    measures : sequence of str, optional
        Names of measures; see :func:`semsig.evaluate.named.check_measures`.
    hear : callable, optional
        Called with every ranking; see :data:`Hear`.
    progress : callable, optional
        Called with what is going on; see :data:`Progress`.

    Raises
    ------
    OptionError
        If there is no such measure.
    """
    names = check_measures(measures) if measures is not None else _usual(dataset)
    usable = np.ones(len(photos.paths), np.bool_) if usable is None else usable
    queries = np.flatnonzero(photos.is_query & usable)
    database = np.flatnonzero(photos.in_database & usable)
    rankings = rank(distances, queries, database, rerank)
    if verify is not None:
        rankings = _verified(rankings, database, verify)
    told = _told(rankings, len(queries), progress)
    largest = _most_relevant(photos, queries, database)
    judged = _judge(told, photos, database, dataset.cutoff, largest, hear)
    scores, curve = measure_all(judged, names)
    return Evaluation(
        dataset=dataset.name,
        measures={name: float(values.mean()) for name, values in scores.items()},
        intervals={name: bootstrap_interval(values) for name, values in scores.items()},
        per_class=_by_class(scores, photos.members(queries), photos.classes),
        n_queries=len(queries),
        n_database=len(database),
        skipped=(),
        notes=(*photos.notes, *photos.misfits),
        settings={},
        queries=tuple(photos.names[number] for number in queries),
        scores=scores,
        curve=curve,
    )


def _verified(rankings: Rankings, database: NDArray[np.int64], verify: Verify) -> Rankings:
    for asked, order in rankings:
        yield asked, np.take_along_axis(order, verify(asked, database[order]), axis=1)


def _usual(dataset: Dataset) -> tuple[str, ...]:
    theirs = ("map_trapezoid",) if dataset.mode in ("query-left-out", "listed") else ()
    return check_measures(DEFAULT_MEASURES + theirs + dataset.measures)


def _told(rankings: Rankings, n_queries: int, report: Progress | None) -> Rankings:
    """Pass rankings on and report how many were measured."""
    done = 0
    for asked, order in rankings:
        yield asked, order
        done += len(asked)
        if report is not None:
            report("search", done, n_queries)


def _judge(
    rankings: Rankings,
    photos: Photos,
    database: NDArray[np.int64],
    cutoff: int | None,
    largest: int,
    hear: Hear | None,
) -> Iterator[Judged]:
    """Yield rankings in batches, without junk; R is at most the number of relevant photos."""
    for asked, order in rankings:
        judged = np.take_along_axis(photos.judge(asked, database), order, axis=1)
        junk_last = np.argsort(judged < 0, axis=1, kind="stable")
        judged = np.take_along_axis(judged, junk_last, axis=1)
        if hear is not None:
            hear(asked, database[np.take_along_axis(order, junk_last, axis=1)], judged)
        gains = np.maximum(judged, 0).astype(np.int64)
        ideal = -np.sort(-gains, axis=1)[:, :largest]
        reach = np.clip((gains > 0).sum(1), 1, cutoff)
        yield Judged(gains=gains, ideal=ideal, reach=reach, largest=largest)


def _most_relevant(photos: Photos, queries: NDArray[np.int64], database: NDArray[np.int64]) -> int:
    """Return the most relevant photos that any query has."""
    return max(int((photos.judge(some, database) > 0).sum(1).max()) for some in some_of(queries))


def _by_class(
    scores: Mapping[str, Scores], members: NDArray[np.bool_], classes: Sequence[str]
) -> dict[str, dict[str, float]]:
    return {
        classes[label]: {name: float(of[members[:, label]].mean()) for name, of in scores.items()}
        for label in np.flatnonzero(members.any(0)).tolist()
    }
