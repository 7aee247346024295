"""Evaluation: segment a benchmark's photos, search each query, measure the rankings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.datasets import Dataset, Photos, load_dataset
from semsig.errors import DatasetError, ImageError, SegmenterError
from semsig.index import HammingIndex
from semsig.measures import (
    Relevance,
    Scores,
    average_precision,
    average_precision_first,
    normalized_modified_retrieval_rank,
    precision_at,
)
from semsig.segment import Segmenter, load_segmenter, segment_path
from semsig.signature import sbs
from semsig.types import Metric, SbsBatch, SbsSignature

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
    queries, database = (
        _numbers(photos.is_query, signatures),
        _numbers(photos.in_database, signatures),
    )
    if not len(queries) or not len(database):
        raise DatasetError(_nothing_left(benchmark, skipped))
    sizes = np.bincount(photos.labels[database], minlength=len(photos.classes))
    parts = [
        _measure(
            photos.labels[ranked] == photos.labels[asked, None],
            sizes[photos.labels[asked]],
            int(sizes.max()),
            benchmark.cutoff,
        )
        for asked, ranked in _rank(signatures, queries, database, metric, report)
    ]
    measures, per_class = _means(parts, photos.labels[queries], photos.classes)
    return Evaluation(
        dataset=benchmark.name,
        measures=measures,
        per_class=per_class,
        n_queries=len(queries),
        n_database=len(database),
        skipped=tuple(skipped),
        notes=photos.notes,
        settings=_settings(benchmark, segmenter, levels, metric),
    )


def _numbers(
    chosen: NDArray[np.bool_], signatures: Mapping[int, SbsSignature]
) -> NDArray[np.int64]:
    return np.array([i for i in np.flatnonzero(chosen) if int(i) in signatures], np.int64)


def _sign(
    photos: Photos, segmenter: Segmenter, levels: int, report: Progress
) -> tuple[dict[int, SbsSignature], list[Skipped]]:
    """Signature of each photo that can be segmented, by its number; the others with reasons."""
    signatures: dict[int, SbsSignature] = {}
    skipped: list[Skipped] = []
    for number, path in enumerate(photos.paths):
        try:
            signatures[number] = sbs(segment_path(segmenter, path), levels)
        except ImageError as error:
            skipped.append(Skipped(path=str(path), reason=error.reason, message=str(error)))
        except SegmenterError as error:
            skipped.append(Skipped(path=str(path), reason="no-label-map", message=str(error)))
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


def _measure(
    relevance: Relevance, n_relevant: NDArray[np.int64], largest: int, cutoff: int | None
) -> dict[str, Scores]:
    """Return every measure of every query; R is never beyond the relevant photos there are."""
    first = np.clip(n_relevant, 1, cutoff)
    return {
        "map_paper": average_precision_first(relevance, first),
        "map": average_precision(relevance, n_relevant),
        "p@20": precision_at(relevance, 20),
        "p@r": precision_at(relevance, first),
        "anmrr": normalized_modified_retrieval_rank(relevance, n_relevant, largest),
    }


def _means(
    parts: Sequence[Mapping[str, Scores]], labels: NDArray[np.int64], classes: Sequence[str]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return the mean of each measure over all queries, and over those of each class."""
    scores = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    overall = {name: float(values.mean()) for name, values in scores.items()}
    per_class = {
        classes[label]: {name: float(of[labels == label].mean()) for name, of in scores.items()}
        for label in np.unique(labels)
    }
    return overall, per_class


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
