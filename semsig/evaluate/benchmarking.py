"""Evaluation from end to end: segment a benchmark's photos, search each query, measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from semsig.datasets import Dataset, load_dataset
from semsig.errors import DatasetError
from semsig.evaluate.comparisons import Comparison, compare_by, ranked_by
from semsig.evaluate.rankings import RankingOptions
from semsig.evaluate.results import Evaluation, Skipped
from semsig.evaluate.scoring import Hear, Progress, measure
from semsig.evaluate.signing import sign_photos
from semsig.evaluate.verifying import GeometricVerification
from semsig.explain.geometry import GeometryOptions
from semsig.search.fusion import FusionOptions
from semsig.search.options import Reranking
from semsig.segment import DEFAULT_SEGMENTER, Segmenter, load_segmenter


def evaluate(
    dataset: Dataset | str | Path,
    root: Path | str,
    *,
    segmenter: Segmenter | str = DEFAULT_SEGMENTER,
    labels: Path | str | None = None,
    levels: int = 3,
    metric: str | None = None,
    pyramid: bool = False,
    mirrored: bool = False,
    rerank: Reranking | None = None,
    signature: str | FusionOptions | None = None,
    encoding: Mapping[str, Mapping[str, Any]] | None = None,
    geometry: GeometryOptions | None = None,
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
    signature : str or FusionOptions, optional
        What photos are compared by: the name of a kind of signature, "fused", or how to fuse
        several; by default what an engine would rank them by.
    encoding : mapping of str to mapping, optional
        Options of the kinds' encoders by the kinds' names, such as
        ``{"sbovp": {"options": SbovpOptions(length=3)}}``.
    geometry : GeometryOptions, optional
        Put the first photos found in order of the keypoints that agree with the query's.
    measures, hear : optional
        See :func:`measure`.
    progress : callable, optional
        Called with what is going on; see :data:`Progress`.

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
    benchmark = dataset if isinstance(dataset, Dataset) else load_dataset(dataset)
    options = RankingOptions(
        levels=levels, metric=metric, pyramid=pyramid, mirrored=mirrored, rerank=rerank
    )
    report = progress or (lambda *_: None)
    photos = benchmark.scan(root)
    if labels is not None:
        segmenter = f"files:{labels}"
    if isinstance(segmenter, str):
        segmenter = load_segmenter(segmenter, threads=1)
    signature = signature or ranked_by(segmenter, options)
    comparison = compare_by(signature, segmenter, options, encoding)
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
        verify=None if geometry is None else GeometricVerification(photos, geometry),
        measures=measures,
        hear=hear,
        progress=report,
    )
    settings = _settings(benchmark, segmenter, comparison)
    settings["rerank"] = rerank and asdict(rerank)
    if geometry is not None:
        settings["geometry"] = asdict(geometry)
    return replace(found, skipped=tuple(skipped), settings=settings)


def _nothing_left(dataset: Dataset, skipped: list[Skipped]) -> str:
    cause = f" The first was skipped because: {skipped[0].message}" if skipped else ""
    return f"None of {dataset.title}'s photos can be a query, or none can be searched.{cause}"


def _settings(dataset: Dataset, segmenter: Segmenter, comparison: Comparison) -> dict[str, Any]:
    return {
        "segmenter": segmenter.name,
        "segmenter_fingerprint": segmenter.fingerprint,
        "classes": segmenter.classes.name,
        **comparison.settings,
        "mode": dataset.mode,
        "cutoff": dataset.cutoff or "class size",
    }
