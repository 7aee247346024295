"""Recorders of a benchmark's rankings while they are measured: run files, and first hits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.datasets import Photos
from semsig.datasets.trec import qrels_lines, run_lines, token
from semsig.durable import writing
from semsig.errors import DatasetError
from semsig.evaluate.rankings import some_of
from semsig.evaluate.scoring import Hear


@contextmanager
def run_file(path: Path, name: str, photos: Photos) -> Iterator[Hear]:
    """Yield a recorder that writes rankings as a TREC run, without junk, complete at the end.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The system.
    photos : Photos
        The benchmark's photos; :attr:`Photos.names` are what queries and photos are called.

    Raises
    ------
    DatasetError
        If two photos would have the same name in the file.
    OSError
        If it cannot be written.
    """
    check_names(photos)
    with writing(path) as file:

        def write(
            asked: NDArray[np.int64], found: NDArray[np.int64], judged: NDArray[np.int8]
        ) -> None:
            ranked = (
                (photos.names[query], [photos.names[n] for n in row[grades >= 0]])
                for query, row, grades in zip(asked, found, judged, strict=True)
            )
            for line in run_lines(name, ranked):
                file.write(line.encode("utf-8", "surrogateescape"))

        yield write


def write_qrels(path: Path, photos: Photos) -> None:
    """Write what is relevant to each query, and junk, as TREC's judgements.

    Raises
    ------
    DatasetError
        If two photos would have the same name in the file.
    OSError
        If it cannot be written.
    """
    check_names(photos)
    database = np.flatnonzero(photos.in_database)
    with writing(path) as file:
        for asked in some_of(np.flatnonzero(photos.is_query)):
            grades = (
                (photos.names[query], _grades(photos, database, row))
                for query, row in zip(asked, photos.judge(asked, database), strict=True)
            )
            for line in qrels_lines(grades):
                file.write(line.encode("utf-8", "surrogateescape"))


def check_names(photos: Photos) -> None:
    """Raise :class:`DatasetError` if two photos have the same name in TREC's files."""
    seen: dict[str, str] = {}
    for name in photos.names:
        other = seen.setdefault(token(name), name)
        if other is not name:
            raise DatasetError(
                f"Expected photos of different names; {name!r} and {other!r} would be one in "
                "TREC's files. Rename one."
            )


def _grades(photos: Photos, database: NDArray[np.int64], row: NDArray[np.int8]) -> dict[str, int]:
    return {photos.names[database[place]]: int(row[place]) for place in np.flatnonzero(row)}


class FirstHits:
    """Keeps the first photos of each ranking, and whether each is right.

    Parameters
    ----------
    count : int
        How many of each.
    """

    def __init__(self, count: int = 10) -> None:
        self._count = count
        self._found: dict[int, list[tuple[int, bool]]] = {}

    def __call__(
        self, asked: NDArray[np.int64], found: NDArray[np.int64], judged: NDArray[np.int8]
    ) -> None:
        """Keep some rankings; see :data:`semsig.evaluate.scoring.Hear`."""
        for query, row, grades in zip(asked.tolist(), found, judged, strict=True):
            counted = np.flatnonzero(grades >= 0)[: self._count]
            self._found[query] = [(int(row[n]), bool(grades[n] > 0)) for n in counted]

    def of(self, query: int) -> Sequence[tuple[int, bool]]:
        """Return a query's first photos and whether each is relevant, the nearest first."""
        return self._found[query]


def all_hear(listeners: Sequence[Hear]) -> Hear:
    """Return a recorder that passes rankings on to several."""

    def hear(asked: NDArray[np.int64], found: NDArray[np.int64], judged: NDArray[np.int8]) -> None:
        for each in listeners:
            each(asked, found, judged)

    return hear
