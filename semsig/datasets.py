"""Benchmarks as facts in TOML, and the photos of one as they lie in a folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from semsig.errors import DatasetError, ImageError
from semsig.groundtruth import Listed, read_lists
from semsig.image import image_paths
from semsig.layouts import Content, Find, Layout, find_photos, letters

Mode = Literal["query-in-ground-truth", "query-left-out", "disjoint", "listed"]
"""Where queries come from, and what counts.

- ``"query-in-ground-truth"``: all photos, each searched and its own first hit;
- ``"query-left-out"``: some of the searched photos; a query is not counted in its own ranking;
- ``"disjoint"``: photos kept apart;
- ``"listed"``: parts of searched photos; files beside them list what is relevant and what is junk.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """The photos of a dataset that a folder holds.

    Parameters
    ----------
    paths : tuple of Path
        The photos, N of them.
    labels : ndarray of int64, shape (N,)
        Class of each photo, an index into `classes`.
    is_query : ndarray of bool, shape (N,)
        Photos to ask with; in query-in-ground-truth mode all of them.
    in_database : ndarray of bool, shape (N,)
        Photos to search; in query-in-ground-truth mode all of them.
    classes : tuple of str
        Class names.
    notes : tuple of str
        What is missing or was left out, in words.
    mode : Mode
        Where queries come from, and what counts.
    listed : mapping of int to Listed
        In listed mode, each query's photo part and what is relevant; such a query has a number
        of its own, beyond those of the searched photos.
    """

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    is_query: NDArray[np.bool_]
    in_database: NDArray[np.bool_]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    mode: Mode = "query-in-ground-truth"
    listed: Mapping[int, Listed] = field(default_factory=dict)

    def judge(self, queries: NDArray[np.int64], database: NDArray[np.int64]) -> NDArray[np.int8]:
        """Say what counts in the rankings of queries.

        Parameters
        ----------
        queries, database : ndarray of int64, shape (Q,) and (N,)
            Numbers of photos.

        Returns
        -------
        ndarray of int8, shape (Q, N)
            1 relevant, 0 not, -1 junk: passed over as if it were not there.
        """
        if self.mode == "listed":
            return np.stack([self._listed(int(query), database) for query in queries])
        same: NDArray[np.bool_] = self.labels[queries, None] == self.labels[database]
        judged = same.astype(np.int8)
        if self.mode == "query-left-out":
            judged[queries[:, None] == database] = -1
        return judged

    def _listed(self, query: int, database: NDArray[np.int64]) -> NDArray[np.int8]:
        lists = self.listed[query]
        stems = [self.paths[number].stem for number in database]
        return np.array([(s in lists.relevant) - (s in lists.junk) for s in stems], np.int8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a benchmark is: content, protocol, and the layouts its files come in.

    Parameters
    ----------
    name, title, reference, licence, source : str
        Short name, full name, where it was published, its terms, and where to get it.
    mode : Mode
        Where queries come from, and what counts.
    cutoff : int or None
        R of the measures ``map_paper`` and ``p@r``; None for the size of the query's class.
    content : Content
        Classes and how many photos each has.
    layouts : tuple of Layout
        The first wins where several fit equally many files.
    query_split : str
        In disjoint mode, the split of the queries.
    """

    name: str
    title: str
    reference: str
    licence: str
    source: str
    mode: Mode
    cutoff: int | None
    content: Content
    layouts: tuple[Layout, ...]
    query_split: str = ""

    @property
    def size(self) -> int:
        """Number of photos in all, when complete; 0 where it is not fixed."""
        return sum(map(sum, self.content.splits.values()))

    def scan(self, root: Path | str) -> Photos:
        """Find this dataset's photos under a folder, in whichever layout fits most files.

        Parameters
        ----------
        root : Path or str
            The folder. Some photos of a class may be missing, a whole class may not.

        Raises
        ------
        DatasetError
            If the folder does not hold the dataset; the message says what was expected and
            what was found.
        """
        root = Path(root)
        files = _files_below(root)
        finds = [find_photos(layout, files, self.content) for layout in self.layouts]
        fitting = [find for find in finds if not find.problem]
        if not fitting:
            raise DatasetError(_mismatch(self, root, files, finds))
        return self._photos(root, max(fitting, key=lambda find: len(find.photos)), len(files))

    def status(self, root: Path | str) -> str:
        """Say in words whether a folder below `root` holds this dataset.

        Raises
        ------
        DatasetError
            If `root` is no folder that can be listed.
        """
        folder = find_folder(self.name, root)
        if folder is None:
            return "not there"
        try:
            photos = self.scan(folder)
        except DatasetError as error:
            return str(error).splitlines()[0]
        return "; ".join([f"{len(photos.paths):,} photos in {folder}", *photos.notes])

    def _photos(self, root: Path, find: Find, n_files: int) -> Photos:
        labels = {class_: label for label, class_ in enumerate(find.classes)}
        asks = np.array([split == self.query_split for _, split in find.photos.values()])
        if self.mode == "query-left-out":
            asks = np.array([file in find.queries for file in find.photos])
        photos = Photos(
            paths=tuple(Path(root, file) for file in find.photos),
            labels=np.array([labels[class_] for class_, _ in find.photos.values()], np.int64),
            is_query=asks,
            in_database=~asks if self.mode == "disjoint" else np.ones(len(asks), np.bool_),
            classes=find.classes,
            notes=tuple(_notes(self, find, n_files)),
            mode=self.mode,
        )
        return _with_listed(photos, root) if self.mode == "listed" else photos


def _with_listed(photos: Photos, root: Path) -> Photos:
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


def dataset_names() -> tuple[str, ...]:
    """Names of the datasets that semsig describes."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def load_dataset(name: str | Path) -> Dataset:
    """Return a dataset by name, or from a TOML file of one's own.

    Raises
    ------
    DatasetError
        If there is no such dataset, or the file does not describe one.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if name not in dataset_names():
            raise DatasetError(f"No dataset {str(name)!r}; there are {', '.join(dataset_names())}.")
        path = _folder() / f"{name}.toml"
    try:
        return _parse(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, re.error) as error:
        raise DatasetError(f"{path} does not describe a dataset: {error!r}") from error


def find_folder(name: str, root: Path | str) -> Path | None:
    """Return the folder below `root` that is named like a dataset; None without one.

    Case, blanks and signs do not count: ``Corel-10K`` is ``corel_10k``. MSRC v1 is part of v2,
    whose folder will do.

    Raises
    ------
    DatasetError
        If `root` is no folder that can be listed.
    """
    try:
        folders = sorted(path for path in Path(root).iterdir() if path.is_dir())
    except OSError as error:
        raise DatasetError(f"{root} cannot be listed: {error.strerror}") from error
    wanted = [letters(name)] + ([letters("msrc_v2")] if name == "msrc_v1" else [])
    found = [path for like in wanted for path in folders if letters(path.name) == like]
    return found[0] if found else None


@cache
def _folder() -> Path:
    """Return the folder of descriptions: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    return next(d for d in (package / "datasets", package.parent / "datasets") if d.is_dir())


def _parse(facts: dict[str, Any]) -> Dataset:
    if facts["mode"] not in get_args(Mode):
        raise ValueError(f"mode {facts['mode']!r}")
    cutoff = None if facts["cutoff"] == "class size" else int(facts["cutoff"])
    if cutoff is not None and cutoff < 1:
        raise ValueError(f"cutoff {cutoff}")
    return Dataset(
        **{key: str(facts[key]) for key in ("name", "title", "reference", "licence", "source")},
        mode=facts["mode"],
        cutoff=cutoff,
        content=_parse_content(facts),
        layouts=tuple(Layout.make(**layout) for layout in facts["layouts"]),
        query_split=facts.get("query_split", ""),
    )


def _parse_content(facts: dict[str, Any]) -> Content:
    classes = tuple(facts.get("classes", ()))
    count = len(classes) or int(facts["class_count"])
    splits = {facts.get("database_split", ""): _sizes(facts["class_sizes"], count)}
    if facts["mode"] == "disjoint":
        splits[facts["query_split"]] = _sizes(facts["query_sizes"], count)
    return Content(splits=splits, classes=classes, aliases=facts.get("aliases", {}))


def _sizes(given: int | str | list[int], count: int) -> tuple[int, ...]:
    if given == "any":
        return (0,) * count
    sizes = (given,) * count if isinstance(given, int) else tuple(map(int, given))
    if len(sizes) != count:
        raise ValueError(f"{len(sizes)} class sizes for {count} classes")
    return sizes


def _files_below(root: Path) -> list[str]:
    try:
        return [path.relative_to(root).as_posix() for path in image_paths(root)]
    except ImageError as error:
        raise DatasetError(f"Expected a folder of photos: {error}") from error


def _mismatch(dataset: Dataset, root: Path, files: list[str], finds: list[Find]) -> str:
    tried = "\n".join(
        f"  - {find.layout.name}: {len(find.photos)} files fit; {find.problem}" for find in finds
    )
    examples = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
    return (
        f"{root} does not hold {dataset.title}. Expected {_amount(dataset)} in "
        f"{dataset.content.n_classes} classes, laid out as one of\n{tried}\n"
        f"Found {len(files):,} image files{': ' + examples if files else ''}. "
        f"Get the dataset from {dataset.source}."
    )


def _amount(dataset: Dataset) -> str:
    return f"{dataset.size:,} photos" if dataset.size else "photos"


def _notes(dataset: Dataset, find: Find, n_files: int) -> list[str]:
    notes = []
    if len(find.photos) < dataset.size:
        gaps = ", ".join(
            f"{split + '/' if split else ''}{class_} {found} of {size}"
            for class_, split, found, size in find.gaps(dataset.content)
        )
        missing = dataset.size - len(find.photos)
        notes.append(f"{missing:,} of {dataset.size:,} photos are missing: {gaps}")
    if n_files > len(find.photos):
        notes.append(f"{n_files - len(find.photos):,} other image files were left out")
    return notes
