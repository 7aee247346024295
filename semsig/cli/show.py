"""Answers for people: tables on a terminal, plain lines in a pipe."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semsig.cli.console import answer, one_line, remark, stdout

if TYPE_CHECKING:
    from semsig.datasets import Dataset
    from semsig.engine import AddReport, Engine, SkippedPhoto
    from semsig.engine.reasons import Reason
    from semsig.evaluate import Evaluation
    from semsig.explain import Explanation
    from semsig.types import Hit

_MOST_NAMED = 20


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int) -> None:
    """Print rows: a table on a terminal, else tab-separated with a header line.

    The first `numbers` columns are right-aligned.
    """
    rows = [[one_line(field) for field in row] for row in rows]
    console = stdout()
    if not console.is_terminal:
        for row in (columns, *rows):
            print("\t".join(row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for position, column in enumerate(columns):
        right = position < numbers
        shown.add_column(column, justify="right" if right else "left", no_wrap=right)
    for row in rows:
        shown.add_row(*(Text(field, overflow="fold") for field in row))
    console.print(shown, soft_wrap=False)


def added(report: AddReport, pruned: Sequence[str], engine: Engine, folder: Path) -> None:
    """Say what became of the photos."""
    counts = {
        "added": report.added,
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "pruned": len(pruned),
    }
    parts = [f"{count:,} {what}" for what, count in counts.items() if count or what == "added"]
    if report.skipped:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in report.skipped_by_reason.items())
        parts.append(f"{len(report.skipped):,} skipped ({reasons})")
    answer(f"{', '.join(parts)} in {report.seconds:,.1f} s")
    answer(f"{folder} holds {len(engine):,} photos")
    _name_skipped([(photo.path, _reason(photo)) for photo in report.skipped])


def _reason(photo: SkippedPhoto) -> str:
    return f"{photo.reason}, its earlier state stays in the index" if photo.kept else photo.reason


def _name_skipped(skipped: Sequence[tuple[str, str]]) -> None:
    for path, reason in skipped[:_MOST_NAMED]:
        remark(f"skipped, {reason}: {one_line(path)}")
    if len(skipped) > _MOST_NAMED:
        remark(f"... and {len(skipped) - _MOST_NAMED:,} more; --json names all")


def hits(found: Sequence[Hit], sentences: Sequence[str]) -> None:
    """List the hits, the nearest first, each with a sentence on it."""
    rows = [
        (str(hit.rank), hit.measure, _relative(hit.path), sentence)
        for hit, sentence in zip(found, sentences, strict=True)
    ]
    table(("rank", "distance", "photo", "why"), rows, numbers=2)


def hits_document(found: Sequence[Hit], reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """Return the hits for JSON; bits that differ are None where nothing was compared."""
    return [
        {
            "rank": hit.rank,
            "id": hit.id,
            "path": hit.path,
            "distance": hit.distance,
            "metric": hit.metric,
            "bits": reason.explanation and reason.explanation.distance,
            "sentence": reason.sentence,
        }
        for hit, reason in zip(found, reasons, strict=True)
    ]


def explanation(why: Explanation) -> None:
    """Print the sentence, and the classes in which the two differ."""
    from semsig.explain.words import sentence_case

    answer(sentence_case(why.sentence))
    agree = int((why.block_distances == 0).sum())
    answer(f"{why.distance:,} bits differ; {agree} of {why.schema.n_blocks} blocks agree wholly")
    if why.distance:
        rows = [(str(bits), name) for name, bits in why.class_distances()]
        table(("bits", "class"), rows, numbers=1)


def segmented(
    written: Sequence[Mapping[str, str]], skipped: Sequence[Mapping[str, str]], out: Path
) -> None:
    """Say what was drawn."""
    note = f", {len(skipped):,} skipped" if skipped else ""
    answer(f"{len(written):,} pictures in {out}{note}")
    _name_skipped([(photo["path"], photo["reason"]) for photo in skipped])


def evaluation(result: Evaluation) -> None:
    """Print the measures, overall and by class."""
    answer(
        f"{result.dataset}: {result.n_queries:,} queries, {result.n_database:,} photos searched, "
        f"{_compared(result.settings)}"
    )
    rows = [
        (*(f"{value:.3f}" for value in values.values()), name)
        for name, values in (("all", result.measures), *result.per_class.items())
    ]
    table((*result.measures, "class"), rows, numbers=len(result.measures))
    for note in result.notes:
        remark(note)
    _name_skipped([(photo.path, photo.reason) for photo in result.skipped])


def _compared(settings: Mapping[str, Any]) -> str:
    """Return what photos were compared by."""
    parts = [settings["segmenter"], settings["signature"]]
    if "levels" in settings:
        parts += [f"n = {settings['levels']}"]
    if "n_words" in settings:
        words = f"{settings['n_words']} {settings['detector']} words"
        parts += [words, f"phrases of {settings['length']}"]
    if "pool" in settings:
        parts += [f"pooled features ({settings['pool']}), {settings['dims']} dimensions"]
    parts += [settings["metric"]] if "metric" in settings else []
    return ", ".join(parts)


def datasets(found: Sequence[Dataset], status: Sequence[str | None]) -> None:
    """List benchmarks: size, where queries come from, and what is there or where to get it."""
    rows = [
        (f"{of.size:,}" if of.size else "", of.name, of.mode, there or of.source)
        for of, there in zip(found, status, strict=True)
    ]
    where = "source" if None in status else "status"
    table(("photos", "name", "queries", where), rows, numbers=1)


def datasets_document(
    found: Sequence[Dataset], status: Sequence[str | None]
) -> list[dict[str, Any]]:
    """Return benchmarks for JSON; `status` is None where no folder was named."""
    facts = ("name", "title", "reference", "licence", "source", "mode", "cutoff", "size")
    return [
        {**{fact: getattr(of, fact) for fact in facts}, "status": there}
        for of, there in zip(found, status, strict=True)
    ]


def _relative(path: str) -> str:
    """Shorten a path below the current folder."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
