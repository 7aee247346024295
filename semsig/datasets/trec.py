"""Runs and relevance judgements in TREC's file formats."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semsig.durable import open_regular
from semsig.errors import DatasetError

Grades = Mapping[str, int]
"""Relevance of photos: above 0 relevant, 0 not, below 0 junk, which is ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a system found.

    Parameters
    ----------
    name : str
        The system.
    rankings : mapping of str to sequence of str
        Photos found for each query, the nearest first.
    """

    name: str
    rankings: Mapping[str, Sequence[str]]


def read_run(path: Path) -> Run:
    """Read a run: lines of query, ``Q0``, photo, rank, score and the system's name.

    As trec_eval does, photos are put in order of falling scores, compared as float32, and equal
    ones in falling order of their names; the column of ranks is ignored.

    Raises
    ------
    DatasetError
        If the file cannot be read, is malformed, or names a photo twice for a query.
    """
    scored: dict[str, dict[str, float]] = {}
    name = path.stem
    columns = "query Q0 photo rank score system"
    for number, (query, _, photo, _, score, tag) in _lines(path, columns):
        name = tag
        found = scored.setdefault(query, {})
        if photo in found:
            raise DatasetError(f"{path}, line {number}: {photo} occurs twice for query {query}.")
        found[photo] = _number(path, number, score)
    return Run(name=name, rankings={query: _ordered(found) for query, found in scored.items()})


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read judgements: lines of query, ``0``, photo and grade.

    Returns
    -------
    dict of str to dict of str to int
        For each query, photos and their grades; see :data:`Grades`.

    Raises
    ------
    DatasetError
        If the file cannot be read, is malformed, or judges a photo twice for a query.
    """
    judged: dict[str, dict[str, int]] = {}
    for number, (query, _, photo, grade) in _lines(path, "query 0 photo grade"):
        grades = judged.setdefault(query, {})
        if photo in grades:
            raise DatasetError(f"{path}, line {number}: {photo} occurs twice for query {query}.")
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", grade):
            raise DatasetError(f"{path}, line {number}: expected an integer grade, got {grade!r}.")
        grades[photo] = int(grade)
    return judged


def run_lines(name: str, rankings: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """Yield the lines of a run.

    A photo's score is how many are ranked at or below it: scores fall strictly, so that trec_eval,
    which keeps them as float32, does not re-order photos at equal distances (integers
    are exact there below 2^24).

    Parameters
    ----------
    name : str
        The system.
    rankings : iterable of (str, sequence of str)
        Queries, and the photos found for each, the nearest first.
    """
    tag = token(name)
    for query, photos in rankings:
        asked = token(query)
        for place, photo in enumerate(photos):
            yield f"{asked} Q0 {token(photo)} {place + 1} {len(photos) - place} {tag}\n"


def qrels_lines(judged: Iterable[tuple[str, Grades]]) -> Iterator[str]:
    """Yield the lines of judgements; photos of grade 0 may be left out."""
    for query, grades in judged:
        for photo, grade in grades.items():
            yield f"{token(query)} 0 {token(photo)} {grade}\n"


def token(name: str) -> str:
    """Return a name without blanks, which end a column: they and ``%`` become ``%20`` and so on.

    Raises
    ------
    DatasetError
        If the name is empty.
    """
    if not name:
        raise DatasetError("Expected a name, got an empty one; TREC's columns cannot hold it.")
    return re.sub(r"[\s%]", lambda sign: "".join(f"%{b:02X}" for b in sign[0].encode()), name)


def _lines(path: Path, columns: str) -> Iterator[tuple[int, list[str]]]:
    expected = len(columns.split())
    try:
        with io.TextIOWrapper(open_regular(path), "utf-8-sig", "surrogateescape") as file:
            for number, line in enumerate(file, start=1):
                words = line.split()
                if len(words) == expected:
                    yield number, words
                elif words:
                    raise DatasetError(
                        f"{path}, line {number}: expected {expected} columns, as in {columns!r}; "
                        f"got {len(words)}: {line.strip()[:80]!r}."
                    )
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def _number(path: Path, number: int, text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = np.nan
    if np.isnan(score):
        raise DatasetError(f"{path}, line {number}: expected a number as score, got {text!r}.")
    return score


def _ordered(found: Mapping[str, float]) -> tuple[str, ...]:
    with np.errstate(over="ignore"):  # beyond float32 is infinite, as in trec_eval
        scores = np.array(list(found.values()), np.float32).tolist()
    names = sorted(zip(scores, found, strict=True), key=_key, reverse=True)
    return tuple(photo for _, photo in names)


def _key(scored: tuple[float, str]) -> tuple[float, bytes]:
    """Return what trec_eval compares: scores, then bytes of names."""
    return scored[0], scored[1].encode("utf-8", "surrogateescape")
