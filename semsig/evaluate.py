"""Evaluation: segment a benchmark's photos, search each query, measure the rankings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.datasets import Dataset, Photos, load_dataset
from semsig.errors import DatasetError, ImageError
from semsig.index import HammingIndex
from semsig.measures import (
    Relevance,
    Scores,
    average_precision,
    average_precision_first,
    normalized_modified_retrieval_rank,
    precision_at,
)
from semsig.segment import Segmenter, load_segmenter, segment_paths
from semsig.signature import sbs
from semsig.types import LabelMap, Metric, SbsBatch, SbsSignature

Progress = Callable[[str, int, int], None]
"""Called with what is going on (``"segment"``, ``"search"``), how much is done, of how much."""

_QUERIES_AT_ONCE = 256


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
    """What retrieval reached on a benchmark.

    Parameters
    ----------
    dataset : str
        Name of the benchmark.
    measures : mapping of str to float
        ``map_paper``, ``map``, ``p@20``, ``p@r`` (higher is better) and ``anmrr`` (lower is).
    per_class : mapping of str to mapping of str to float
        The measures over the queries of each class.
    n_queries, n_database : int
        Photos that were asked with and searched.
    skipped : tuple of Skipped
        Photos that were left out, and why.
    notes : tuple of str
        What is missing from the folder.
    settings : mapping of str to str or int
        What the figures depend on: segmenter, its fingerprint, levels, metric, mode, cutoff.
    """

    dataset: str
    measures: Mapping[str, float]
    per_class: Mapping[str, Mapping[str, float]]
    n_queries: int
    n_database: int
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    settings: Mapping[str, str | int]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, numbers and strings, for JSON."""
        return asdict(self)


def evaluate(
    dataset: Dataset | str | Path,
    root: Path | str,
    *,
    segmenter: Segmenter | str = "embedded",
    labels: Path | str | None = None,
    levels: int = 3,
    metric: Metric = "hamming",
    progress: Progress | None = None,
) -> Evaluation:
    """Measure retrieval by SBS signatures on a benchmark.

    Parameters
    ----------
    dataset : Dataset, str or Path
        A benchmark, its name, or a TOML file that describes one.
    root : Path or str
        Folder of its photos.
    segmenter : Segmenter or str
        What makes the label maps, or its name for :func:`semsig.load_segmenter`.
    labels : Path or str, optional
        Folder of label maps made elsewhere, optionally with ``@TABLE``; instead of `segmenter`.
    levels : int
        Level n of the signatures, 0..8.
    metric : {"hamming", "tanimoto", "tanimoto-idf"}
        The distance.
    progress : callable, optional
        Told what is going on; see :data:`Progress`.

    Raises
    ------
    DatasetError
        If there is no such benchmark, `root` does not hold it, or no photo of it can be used.
    SegmenterError
        If the segmenter cannot be loaded.
    OptionError
        If `levels` or `metric` is out of range.
    """
    benchmark = dataset if isinstance(dataset, Dataset) else load_dataset(dataset)
    report = progress or (lambda *_: None)
    photos = benchmark.scan(root)
    if labels is not None:
        segmenter = f"files:{labels}"
    if isinstance(segmenter, str):
        segmenter = load_segmenter(segmenter)
    signatures, skipped = _sign(photos, segmenter, levels, report)
    usable = np.array([number in signatures for number in range(len(photos.paths))])
    queries = np.flatnonzero(photos.is_query & usable)
    database = np.flatnonzero(photos.in_database & usable)
    if not len(queries) or not len(database):
        raise DatasetError(_nothing_left(benchmark, skipped))
    rankings = _rank(signatures, queries, database, metric, report)
    scores = _score(rankings, photos.labels, database, benchmark.cutoff)
    return Evaluation(
        dataset=benchmark.name,
        measures={name: float(values.mean()) for name, values in scores.items()},
        per_class=_by_class(scores, photos.labels[queries], photos.classes),
        n_queries=len(queries),
        n_database=len(database),
        skipped=tuple(skipped),
        notes=photos.notes,
        settings=_settings(benchmark, segmenter, levels, metric),
    )


def _sign(
    photos: Photos, segmenter: Segmenter, levels: int, report: Progress
) -> tuple[dict[int, SbsSignature], list[Skipped]]:
    """Return the signature of each photo that can be segmented, by its number, and the others."""
    signatures: dict[int, SbsSignature] = {}
    skipped: list[Skipped] = []
    for number, (path, outcome) in enumerate(segment_paths(segmenter, photos.paths)):
        if isinstance(outcome, LabelMap):
            signatures[number] = sbs(outcome, levels)
        else:
            reason = outcome.reason if isinstance(outcome, ImageError) else "no-label-map"
            skipped.append(Skipped(path=str(path), reason=reason, message=str(outcome)))
        report("segment", number + 1, len(photos.paths))
    return signatures, skipped


def _nothing_left(dataset: Dataset, skipped: list[Skipped]) -> str:
    cause = f" The first was skipped because: {skipped[0].message}" if skipped else ""
    return f"None of {dataset.title}'s photos can be asked with, or none searched.{cause}"


def _rank(
    signatures: Mapping[int, SbsSignature],
    queries: NDArray[np.int64],
    database: NDArray[np.int64],
    metric: Metric,
    report: Progress,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield some queries at a time, (Q,), and the database ranked for each, (Q, N).

    A query that is in the database comes first: other photos may be at distance 0, too.
    """
    index = HammingIndex(signatures[int(database[0])].schema)
    index.add(SbsBatch.of([signatures[int(i)] for i in database]), ids=database)
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        asked = queries[start : start + _QUERIES_AT_ONCE]
        batch = SbsBatch.of([signatures[int(i)] for i in asked])
        _, ids = index.search(batch, len(database), metric=metric)
        itself_first = np.argsort(ids != asked[:, None], axis=1, kind="stable")
        yield asked, np.take_along_axis(ids, itself_first, axis=1)
        report("search", start + len(asked), len(queries))


def _score(
    rankings: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]],
    labels: NDArray[np.int64],
    database: NDArray[np.int64],
    cutoff: int | None,
) -> dict[str, Scores]:
    """Return every measure of every query; R is never beyond the relevant photos there are."""
    sizes = np.bincount(labels[database], minlength=labels.max() + 1)
    parts = []
    for asked, ranked in rankings:
        relevance = labels[ranked] == labels[asked, None]
        n_relevant = sizes[labels[asked]]
        parts.append(_measure(relevance, n_relevant, np.clip(n_relevant, 1, cutoff), sizes.max()))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


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


def _settings(
    dataset: Dataset, segmenter: Segmenter, levels: int, metric: Metric
) -> dict[str, str | int]:
    return {
        "segmenter": segmenter.name,
        "segmenter_fingerprint": segmenter.fingerprint,
        "classes": segmenter.classes.name,
        "levels": levels,
        "metric": metric,
        "mode": dataset.mode,
        "cutoff": dataset.cutoff or "class size",
    }
