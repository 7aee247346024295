"""Evaluation from end to end: segment a benchmark's photos, search each query, measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semsig.datasets import Dataset, load_dataset
from semsig.errors import DatasetError
from semsig.evaluate.comparisons import Comparison, PhraseComparison, PooledComparison, compare_by
from semsig.evaluate.rankings import RankingOptions
from semsig.evaluate.results import Evaluation, Skipped
from semsig.evaluate.scoring import Hear, Progress, measure
from semsig.evaluate.signing import describe_photos, sign_photos
from semsig.search.fusion import SignatureName
from semsig.search.options import Reranking
from semsig.segment import DEFAULT_SEGMENTER, Segmenter, load_segmenter
from semsig.types.metrics import Metric, require_sbs


def evaluate(
    dataset: Dataset | str | Path,
    root: Path | str,
    *,
    segmenter: Segmenter | str = DEFAULT_SEGMENTER,
    labels: Path | str | None = None,
    levels: int = 3,
    metric: Metric | None = None,
    pyramid: bool = False,
    mirrored: bool = False,
    rerank: Reranking | None = None,
    signature: SignatureName = "sbs",
    phrases: PhraseComparison | None = None,
    measures: Sequence[str] | None = None,
    hear: Hear | None = None,
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
    metric : {"hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"}, optional
        The distance between SBS signatures, "hamming" by default; the others have their own.
    pyramid, mirrored, rerank : optional
        See :class:`semsig.evaluate.rankings.RankingOptions`.
    signature : {"sbs", "sbovp", "pooled", "fused"}
        What photos are compared by. Fused counts blocks by "tanimoto-idf".
    phrases : PhraseComparison, optional
        How phrases are made; KAZE's shipped words and the default options if left out.
    measures, hear : optional
        See :func:`measure`.
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
        another signature.
    """
    if metric is not None:
        require_sbs(signature, metric)
    benchmark = dataset if isinstance(dataset, Dataset) else load_dataset(dataset)
    options = RankingOptions(
        levels=levels, metric=metric or "hamming", pyramid=pyramid, mirrored=mirrored, rerank=rerank
    )
    report = progress or (lambda *_: None)
    photos = benchmark.scan(root)
    if labels is not None:
        segmenter = f"files:{labels}"
    if isinstance(segmenter, str):
        segmenter = load_segmenter(segmenter)
    comparison = compare_by(signature, options, phrases)
    if isinstance(comparison, PooledComparison):
        comparison = comparison.of(segmenter)
        signed, skipped = describe_photos(photos, segmenter, comparison, report)
    else:
        signed, skipped = sign_photos(photos, segmenter, comparison, report)
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
        measures=measures,
        hear=hear,
        progress=report,
    )
    settings = _settings(benchmark, segmenter, comparison) | {"signature": signature}
    return replace(found, skipped=tuple(skipped), settings=settings)


def _nothing_left(dataset: Dataset, skipped: list[Skipped]) -> str:
    cause = f" The first was skipped because: {skipped[0].message}" if skipped else ""
    return f"None of {dataset.title}'s photos can be asked with, or none searched.{cause}"


def _settings(
    dataset: Dataset, segmenter: Segmenter, comparison: Comparison | PooledComparison
) -> dict[str, Any]:
    return {
        "segmenter": segmenter.name,
        "segmenter_fingerprint": segmenter.fingerprint,
        "classes": segmenter.classes.name,
        **comparison.settings,
        "mode": dataset.mode,
        "cutoff": dataset.cutoff or "class size",
    }
