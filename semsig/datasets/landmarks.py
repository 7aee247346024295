"""Benchmarks whose photos a ground-truth file lists, such as revisited Oxford and Paris."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

from semsig.datasets.dataset import Dataset
from semsig.datasets.folders import files_below
from semsig.datasets.gnd import GroundTruth, find_ground_truth, read_ground_truth
from semsig.datasets.ground_truth import Listed
from semsig.datasets.labels import PhotoNames
from semsig.datasets.photos import Photos
from semsig.errors import DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class LandmarkDataset(Dataset):
    """A benchmark whose photos, queries and relevant photos are listed in one file.

    Parameters
    ----------
    ground_truth : str
        Stem of the file: ``gnd_roxford5k``.
    protocol : str
        One of :data:`semsig.datasets.gnd.PROTOCOLS`.
    file : Path, optional
        The file itself, wherever it lies.
    """

    ground_truth: str
    protocol: str
    file: Path | None = None

    def scan(self, root: Path | str) -> Photos:
        """Find the listed photos under a folder, in whatever folders they lie.

        Queries are photos, or parts of photos, apart from those that are searched; those without
        any relevant photo of the protocol are left out, as the authors do.

        Raises
        ------
        DatasetError
            If the file or the photos are not there.
        """
        root = Path(root)
        file = self.file or find_ground_truth(root, self.ground_truth)
        if file is None:
            raise DatasetError(
                f"Expected {self.ground_truth}.pkl, .mat or .json in, below or next to {root}, "
                f"found none. Get it from {self.source}."
            )
        return self._photos_of(read_ground_truth(file), root)

    def _photos_of(self, truth: GroundTruth, root: Path) -> Photos:
        files = [root / name for name in files_below(root)]
        names = PhotoNames(files, root)
        places = [names.find(photo) for photo in truth.photos]
        there = [place for place in places if place is not None]
        known = [n for n, place in enumerate(places) if place is not None]
        numbers = {n: number for number, n in enumerate(known)}
        asked = _askable(truth, self.protocol, names, numbers)
        if not asked:
            raise DatasetError(
                f"Expected the photos of {self.title} in {root}, such as {truth.photos[0]}; of "
                f"{len(truth.photos):,}, {len(there):,} are there, and no query with a relevant "
                f"one. Get them from {self.source}."
            )
        total = len(there) + len(asked)
        return Photos(
            paths=(*(files[place] for place in there), *(files[one.place] for one in asked)),
            labels=np.zeros(total, np.int64),
            is_query=np.arange(total) >= len(there),
            in_database=np.arange(total) < len(there),
            classes=(),
            notes=_missing(len(truth.photos) - len(there), len(truth.queries) - len(asked)),
            mode="listed",
            listed={n: one.listed for n, one in enumerate(asked, start=len(there))},
            grades={n: one.grades for n, one in enumerate(asked, start=len(there))},
        )


@dataclass(frozen=True, slots=True)
class _Askable:
    """A query that can be asked: where its photo is, its part, and the grades of photos."""

    place: int
    listed: Listed
    grades: dict[int, int]


def _askable(
    truth: GroundTruth, protocol: str, names: PhotoNames, numbers: Mapping[int, int]
) -> list[_Askable]:
    """Return the queries that can be asked; `numbers` are those of the photos that are there."""
    found = []
    for query, judged in zip(truth.queries, truth.grades(protocol), strict=True):
        place = names.find(query.photo)
        grades = {numbers[n]: grade for n, grade in judged.items() if n in numbers}
        if place is None or max(grades.values(), default=0) < 1:
            continue
        part = Listed(
            name=query.photo,
            photo=query.photo,
            box=query.box or (0, 0, inf, inf),
            relevant=frozenset(),
            junk=frozenset(),
        )
        found.append(_Askable(place, part, grades))
    return found


def _missing(photos: int, queries: int) -> tuple[str, ...]:
    notes = []
    if photos:
        notes.append(f"{photos:,} photos are missing")
    if queries:
        notes.append(f"{queries:,} queries are missing or have no relevant photo: left out")
    return tuple(notes)
