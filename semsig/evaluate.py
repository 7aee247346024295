"""Evaluation: segment a benchmark's photos, search each query, measure the rankings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.comparisons import Comparison, PhraseComparison, compare_by
from semsig.config import RerankOptions, SignatureName
from semsig.datasets import Dataset, Photos, load_dataset
from semsig.errors import DatasetError, ImageError
from semsig.image import read_image
from semsig.measures import (
    Relevance,
    Scores,
    average_precision,
    average_precision_first,
    average_precision_trapezoid,
    bootstrap_interval,
    normalized_modified_retrieval_rank,
    precision_at,
)
from semsig.query import Box
from semsig.rankings import Distances, RankingOptions, rank, some_of
from semsig.segment import Segmenter, load_segmenter, segment_paths
from semsig.types import Image, LabelMap, Metric

Rankings = Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Some queries' numbers and, for each, positions in the database; see :func:`rank`."""

Progress = Callable[[str, int, int], None]
"""Called with what is going on (``"segment"``, ``"search"``), how much is done, of how much."""


_LONGEST = 512


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
        ``map_paper``, ``map``, ``p@20``, ``p@r`` (higher is better) and ``anmrr`` (lower is);
        ``map_trapezoid`` where that is how a dataset's authors measure.
    intervals : mapping of str to (float, float)
        95 % confidence intervals of the measures, by bootstrap over the queries.
    per_class : mapping of str to mapping of str to float
        The measures over the queries of each class.
    n_queries, n_database : int
        Photos that were asked with and searched.
    skipped : tuple of Skipped
        Photos that were left out, and why.
    notes : tuple of str
        What is missing from the folder.
    settings : mapping of str to anything JSON takes
        What the figures depend on: segmenter, its fingerprint, ranking options, mode, cutoff.
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
    pyramid: bool = False,
    mirrored: bool = False,
    rerank: RerankOptions | None = None,
    signature: SignatureName = "sbs",
    phrases: PhraseComparison | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure retrieval by signatures on a benchmark.

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
    pyramid, mirrored, rerank : optional
        See :class:`semsig.rankings.RankingOptions`.
    signature : {"sbs", "sbovp", "fused"}
        What photos are compared by. Fused takes metric "tanimoto-idf".
    phrases : PhraseComparison, optional
        How phrases are made; KAZE's shipped words and the default options if left out.
    progress : callable, optional
        Told what is going on; see :data:`Progress`.

    Raises
    ------
    DatasetError
        If there is no such benchmark, `root` does not hold it, or no photo of it can be used.
    SegmenterError
        If the segmenter cannot be loaded.
    OptionError
        If `levels`, `metric` or `signature` is out of range, or options of SBS are given for
        phrases alone.
    """
    benchmark = dataset if isinstance(dataset, Dataset) else load_dataset(dataset)
    options = RankingOptions(
        levels=levels, metric=metric, pyramid=pyramid, mirrored=mirrored, rerank=rerank
    )
    report = progress or (lambda *_: None)
    photos = benchmark.scan(root)
    if labels is not None:
        segmenter = f"files:{labels}"
    if isinstance(segmenter, str):
        segmenter = load_segmenter(segmenter)
    comparison = compare_by(signature, options, phrases)
    signed, skipped = _sign(photos, segmenter, comparison, report)
    usable = np.array([number in signed for number in range(len(photos.paths))])
    if not (photos.is_query & usable).any() or not (photos.in_database & usable).any():
        raise DatasetError(_nothing_left(benchmark, skipped))
    database = [signed[int(number)] for number in np.flatnonzero(photos.in_database & usable)]
    compare = comparison.among(database)
    found = measure(
        benchmark,
        photos,
        lambda asked: compare([signed[int(number)] for number in asked]),
        usable=usable,
        rerank=rerank,
        progress=report,
    )
    settings = _settings(benchmark, segmenter, comparison) | {"signature": signature}
    return replace(found, skipped=tuple(skipped), settings=settings)


def measure(
    dataset: Dataset,
    photos: Photos,
    distances: Distances,
    *,
    usable: NDArray[np.bool_] | None = None,
    rerank: RerankOptions | None = None,
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
    rerank : RerankOptions, optional
        How to rank anew by shared neighbours, if at all.
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
        notes=photos.notes,
        settings={},
    )


def _sign(
    photos: Photos, segmenter: Segmenter, comparison: Comparison, report: Progress
) -> tuple[dict[int, Any], list[Skipped]]:
    """Return what each photo that can be segmented is compared by, by its number; the others."""
    signed: dict[int, Any] = {}
    skipped: list[Skipped] = []
    found = comparison.keypoints(_image(photos, number) for number in range(len(photos.paths)))
    outcomes = zip(segment_paths(segmenter, photos.paths), found, strict=False)
    for number, ((path, outcome), keypoints) in enumerate(outcomes):
        if isinstance(outcome, LabelMap):
            signed[number] = comparison.sign(_part(outcome, photos, number), keypoints)
        else:
            reason = outcome.reason if isinstance(outcome, ImageError) else "no-label-map"
            skipped.append(Skipped(path=str(path), reason=reason, message=str(outcome)))
        report("segment", number + 1, len(photos.paths))
    return signed, skipped


def _image(photos: Photos, number: int) -> Image:
    """Read what is asked for of a photo; one pixel where it cannot be read, which is told later."""
    try:
        image = read_image(photos.paths[number], at_least=_LONGEST)
    except ImageError:
        return np.zeros((1, 1, 3), np.uint8)
    if number in photos.listed:
        image = np.ascontiguousarray(image[_box(photos, number).slices(*image.shape[:2])])
    return image


def _part(label_map: LabelMap, photos: Photos, number: int) -> LabelMap:
    """Return the part of a photo's label map that is asked for; all of it but in listed mode."""
    if number not in photos.listed:
        return label_map
    return _box(photos, number).crop(label_map)


def _box(photos: Photos, number: int) -> Box:
    height, width, _ = read_image(photos.paths[number]).shape
    sides = np.array(photos.listed[number].box) / (width, height, width, height)
    left, top, right, bottom = np.clip(sides, 0, 1).tolist()
    return Box(left=left, top=top, right=right, bottom=bottom)


def _nothing_left(dataset: Dataset, skipped: list[Skipped]) -> str:
    cause = f" The first was skipped because: {skipped[0].message}" if skipped else ""
    return f"None of {dataset.title}'s photos can be asked with, or none searched.{cause}"


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


def _settings(dataset: Dataset, segmenter: Segmenter, comparison: Comparison) -> dict[str, Any]:
    return {
        "segmenter": segmenter.name,
        "segmenter_fingerprint": segmenter.fingerprint,
        "classes": segmenter.classes.name,
        **comparison.settings,
        "mode": dataset.mode,
        "cutoff": dataset.cutoff or "class size",
    }
