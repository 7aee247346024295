"""Measures of a run by relevance judgements: of semsig's own rankings or of any system's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from semsig.datasets.trec import Grades, Run
from semsig.errors import DatasetError
from semsig.evaluate.measures import Scores, bootstrap_interval
from semsig.evaluate.named import DEFAULT_MEASURES, Judged, check_measures, measure_all
from semsig.evaluate.results import Evaluation

_QUERIES_AT_ONCE = 256


def measure_run(
    run: Run,
    qrels: Mapping[str, Grades],
    *,
    measures: Sequence[str] = DEFAULT_MEASURES,
    cutoff: int | None = None,
) -> Evaluation:
    """Measure what a system found.

    Every query counts that the judgements name something relevant for, and scores worst if the
    run lacks it. Photos that are not judged are not relevant; junk is ignored.

    Parameters
    ----------
    run : Run
        What was found.
    qrels : mapping of str to mapping of str to int
        For each query, photos and grades; see :data:`semsig.datasets.trec.Grades`.
    measures : sequence of str
        Names of measures; see :func:`semsig.evaluate.named.check_measures`.
    cutoff : int, optional
        R of ``map_paper`` and ``p@r``, at most; all relevant photos of a query by default.

    Raises
    ------
    OptionError
        If there is no such measure.
    DatasetError
        If the run holds none of the queries.
    """
    names = check_measures(measures)
    queries = [query for query, grades in qrels.items() if max(grades.values(), default=0) > 0]
    answered = sum(query in run.rankings for query in queries)
    if not answered:
        raise DatasetError(
            f"Expected a run of the judged queries ({_some(queries)}); {run.name} has "
            f"{_some(list(run.rankings))}. Give the judgements of the same benchmark."
        )
    scores, curve = measure_all(_judge(run, queries, qrels, cutoff), names)
    return Evaluation(
        dataset="",
        measures={name: float(values.mean()) for name, values in scores.items()},
        intervals={name: bootstrap_interval(values) for name, values in scores.items()},
        per_class={},
        n_queries=len(queries),
        n_database=len({photo for ranked in run.rankings.values() for photo in ranked}),
        skipped=(),
        notes=tuple(_notes(run, queries, answered)),
        settings={"run": run.name, "cutoff": cutoff or "class size"},
        queries=tuple(queries),
        scores=scores,
        curve=curve,
    )


def _judge(
    run: Run, queries: Sequence[str], qrels: Mapping[str, Grades], cutoff: int | None
) -> Iterator[Judged]:
    relevant = {query: _ideal(qrels[query]) for query in queries}
    largest = max(map(len, relevant.values()))
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        some = queries[start : start + _QUERIES_AT_ONCE]
        n_relevant = np.array([len(relevant[query]) for query in some])
        yield Judged(
            gains=_padded([_gains(run, query, qrels[query]) for query in some]),
            ideal=_padded([relevant[query] for query in some]),
            reach=np.clip(n_relevant, 1, cutoff),
            largest=largest,
        )


def _ideal(grades: Grades) -> list[int]:
    return sorted((grade for grade in grades.values() if grade > 0), reverse=True)


def _gains(run: Run, query: str, grades: Grades) -> list[int]:
    """Return the grades of what was found, the nearest first, without junk."""
    found = (grades.get(photo, 0) for photo in run.rankings.get(query, ()))
    return [grade for grade in found if grade >= 0]


def _padded(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return rows as one array, the shorter ones followed by 0."""
    padded = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return padded


def _notes(run: Run, queries: Sequence[str], answered: int) -> list[str]:
    notes = []
    if answered < len(queries):
        notes.append(f"{len(queries) - answered:,} judged queries are not in {run.name}: worst")
    strangers = len(run.rankings) - answered
    if strangers:
        notes.append(f"{strangers:,} queries of {run.name} have no relevant photo: left out")
    return notes


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") if names else "none"


def same_queries(results: Mapping[str, Evaluation], measure: str) -> dict[str, Scores]:
    """Return each system's scores of one measure, all of the same queries in the same order.

    Raises
    ------
    DatasetError
        If the systems were asked different queries.
    """
    first = next(iter(results.values()))
    for name, result in results.items():
        if set(result.queries) != set(first.queries):
            raise DatasetError(
                f"Expected systems that were asked the same queries; {name} was asked "
                f"{len(result.queries):,}, others {len(first.queries):,}. Measure all on the same "
                "photos."
            )
    return {name: _in_order(result, first.queries, measure) for name, result in results.items()}


def _in_order(result: Evaluation, queries: Sequence[str], measure: str) -> Scores:
    places = {query: place for place, query in enumerate(result.queries)}
    return result.scores[measure][[places[query] for query in queries]]
