"""The photos of a benchmark in a folder, and what is relevant in their rankings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semsig.datasets.ground_truth import Listed, read_lists
from semsig.errors import DatasetError

Mode = Literal["query-in-ground-truth", "query-left-out", "disjoint", "listed", "judged"]
"""Where queries come from, and what counts.

- ``"query-in-ground-truth"``: all photos, each searched and its own first hit;
- ``"query-left-out"``: some of the searched photos; a query is not counted in its own ranking;
- ``"disjoint"``: photos kept apart;
- ``"listed"``: parts of searched photos; files list what is relevant and what is junk;
- ``"judged"``: some photos; what is relevant to each is named photo by photo.
"""


@dataclass(frozen=True, kw_only=True)
class Photos:
    """The photos of a dataset that a folder holds.

    Parameters
    ----------
    paths : tuple of Path
        The photos, N of them.
    labels : ndarray of int64, shape (N,)
        Class of each photo, an index into `classes`.
    is_query : ndarray of bool, shape (N,)
        Photos that are queries; in query-in-ground-truth mode all of them.
    in_database : ndarray of bool, shape (N,)
        Photos to search; in query-in-ground-truth mode all of them.
    classes : tuple of str
        Class names.
    notes : tuple of str
        What is missing or was left out, in words.
    misfits : tuple of str
        Files that were left out, up to ten, and what was expected of each.
    mode : Mode
        Where queries come from, and what counts.
    listed : mapping of int to Listed
        In listed mode, each query's photo part and what is relevant; such a query has a number
        of its own, beyond those of the searched photos.
    grades : mapping of int to mapping of int to int
        For each query the grades of photos, where they are named one by one: above 0 relevant,
        below 0 junk.
    tags : ndarray of bool, shape (N, C), optional
        Which of the C classes each photo has, where it can have several; `labels` count for
        nothing then. A photo's relevance is the number of classes that it shares with the query.
    """

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    is_query: NDArray[np.bool_]
    in_database: NDArray[np.bool_]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    misfits: tuple[str, ...] = ()
    mode: Mode = "query-in-ground-truth"
    listed: Mapping[int, Listed] = field(default_factory=dict)
    grades: Mapping[int, Mapping[int, int]] = field(default_factory=dict)
    tags: NDArray[np.bool_] | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each is called in files: its path from the folder that all share, /-separated.

        In listed mode a query has the name that its file gives it.
        """
        shared = os.path.commonpath([path.parent for path in self.paths]) if self.paths else ""
        names = [path.relative_to(shared).as_posix() for path in self.paths]
        for number, one in self.listed.items():
            names[number] = one.name
        return tuple(names)

    def judge(self, queries: NDArray[np.int64], database: NDArray[np.int64]) -> NDArray[np.int8]:
        """Return the relevance of each photo to each query.

        Parameters
        ----------
        queries, database : ndarray of int64, shape (Q,) and (N,)
            Numbers of photos.

        Returns
        -------
        ndarray of int8, shape (Q, N)
            1 or more relevant, 0 not, -1 junk: ignored as if it were not there.
        """
        if self.grades:
            return np.stack([self._graded(int(query), database) for query in queries])
        if self.mode == "listed":
            return np.stack([self._listed(int(query), database) for query in queries])
        if self.tags is None:
            same: NDArray[np.bool_] = self.labels[queries, None] == self.labels[database]
            judged = same.astype(np.int8)
        else:
            tags = self.tags.astype(np.int32)
            judged = np.minimum(tags[queries] @ tags[database].T, 127).astype(np.int8)
        if self.mode == "query-left-out":
            judged[queries[:, None] == database] = -1
        return judged

    def members(self, queries: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which classes queries have, shape (Q, C)."""
        if self.tags is not None:
            return self.tags[queries]
        return np.asarray(self.labels[queries, None] == np.arange(len(self.classes)))

    def _graded(self, query: int, database: NDArray[np.int64]) -> NDArray[np.int8]:
        grades = self.grades[query]
        found = (grades.get(int(number), 0) for number in database)
        return np.clip(np.fromiter(found, np.int64, len(database)), -1, 127).astype(np.int8)

    def _listed(self, query: int, database: NDArray[np.int64]) -> NDArray[np.int8]:
        lists = self.listed[query]
        stems = [self.paths[number].stem for number in database]
        return np.array([(s in lists.relevant) - (s in lists.junk) for s in stems], np.int8)


def with_listed(photos: Photos, root: Path) -> Photos:
    """Add the queries that files below `root` list; each becomes a photo number of its own."""
    lists = read_lists(root)
    numbers = {path.stem: number for number, path in enumerate(photos.paths)}
    known = [one for one in lists if one.photo in numbers]
    if not known:
        raise DatasetError(
            f"{root} holds photos but no ground truth: expected files NAME_query.txt, "
            f"NAME_good.txt, NAME_ok.txt and NAME_junk.txt in it or below; {len(lists)} queries "
            "name a photo that is there."
        )
    whole = np.array([numbers[one.photo] for one in known])
    n_photos, n_queries = len(photos.paths), len(known)
    ones, zeros = np.ones(n_queries, np.bool_), np.zeros(n_photos, np.bool_)
    return replace(
        photos,
        paths=photos.paths + tuple(photos.paths[number] for number in whole),
        labels=np.concatenate([photos.labels, photos.labels[whole]]),
        is_query=np.concatenate([zeros, ones]),
        in_database=np.concatenate([~zeros, ~ones]),
        listed={n_photos + place: one for place, one in enumerate(known)},
    )
