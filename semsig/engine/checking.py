"""Proof that a folder holds the photos' signatures as they were written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from semsig.engine.phrases import INDEX, VOCABULARY
from semsig.engine.pooled import FOLDER as POOLED
from semsig.engine.pooled import PROJECTION
from semsig.errors import ProjectionError, VocabularyError
from semsig.search import Damage, VerifyReport, is_unused, verify_index
from semsig.signatures import Projection, Vocabulary


def verify_photos(folder: Path) -> VerifyReport:
    """Read every file of an index of photos, those of its further signatures among them.

    Parameters
    ----------
    folder : Path
        The index folder.

    Returns
    -------
    VerifyReport
        Rows are those of the photos; files of further signatures are named by their path in
        the folder.

    Raises
    ------
    IndexFormatError, IndexCorruptError
        If the folder, or one of its further signatures, holds no index with a readable manifest.
    """
    reports = {"": verify_index(folder)}
    for name in (INDEX, POOLED):
        if not is_unused(folder / name):
            reports[f"{name}/"] = verify_index(folder / name)
    words = _verify_words(folder) if f"{INDEX}/" in reports else VerifyReport()
    axes = _verify_projection(folder)
    damaged = [
        replace(damage, file=name + damage.file)
        for name, report in reports.items()
        for damage in report.damaged
    ]
    every = [*reports.values(), words, axes]
    return VerifyReport(
        rows=reports[""].rows,
        files=sum(report.files for report in every),
        bytes=sum(report.bytes for report in every),
        damaged=(*damaged, *words.damaged, *axes.damaged),
    )


def _verify_words(folder: Path) -> VerifyReport:
    """Read the vocabulary of an index's phrases."""
    try:
        Vocabulary.open(folder / VOCABULARY)
    except VocabularyError as error:
        return VerifyReport(files=1, damaged=(Damage(file=VOCABULARY, reason=str(error)),))
    return VerifyReport(files=1, bytes=(folder / VOCABULARY).stat().st_size)


def _verify_projection(folder: Path) -> VerifyReport:
    """Read what an index's pooled descriptors are projected by, if they are."""
    path = folder / PROJECTION
    if not path.exists():  # where it is missed, opening the descriptors says so
        return VerifyReport()
    try:
        Projection.open(path)
    except ProjectionError as error:
        return VerifyReport(files=1, damaged=(Damage(file=PROJECTION, reason=str(error)),))
    return VerifyReport(files=1, bytes=path.stat().st_size)
