"""A benchmark's description, and finding its photos in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from semsig.datasets.folder_layouts import Content, Find, Layout, find_photos
from semsig.datasets.folders import files_below, named_like
from semsig.datasets.photos import Mode, Photos, with_listed
from semsig.errors import DatasetError

_MOST = 10
"""Files that are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A benchmark: content, protocol, and the layouts that its files may have.

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
    measures : tuple of str
        Measures of its authors, in addition to the usual ones.
    names : tuple of str
        Other names that it, or its folder, goes by.
    kinds : tuple of str
        Lower-case suffixes of its files as published; files with other suffixes are used where
        they fit better.
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
    measures: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = (".jpg", ".jpeg")

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
        files = files_below(root)
        finds = [  # published suffixes first: label maps next to photos are no photos
            find_photos(layout, files, self.content, kinds)
            for kinds in (self.kinds, ())
            for layout in self.layouts
        ]
        fitting = [find for find in finds if not find.problem]
        if not fitting:
            raise DatasetError(_mismatch(self, root, files, finds))
        return self._photos(root, max(fitting, key=lambda find: len(find.photos)), len(files))

    def status(self, root: Path | str) -> str:
        """Say in words whether a folder below `root` holds this dataset.

        Raises
        ------
        DatasetError
            If `root` cannot be listed as a folder.
        """
        folder = named_like((self.name, *self.names), root)
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
            misfits=_misfits(find),
            mode=self.mode,
        )
        return with_listed(photos, root) if self.mode == "listed" else photos


def _mismatch(dataset: Dataset, root: Path, files: list[str], finds: list[Find]) -> str:
    best: dict[str, Find] = {}
    for find in sorted(finds, key=lambda find: find.likeness, reverse=True):
        best.setdefault(find.layout.name, find)
    shown = [best[layout.name] for layout in dataset.layouts]
    tried = "\n".join(
        f"  - {find.layout.name}: {len(find.photos)} files fit; {find.problem}" for find in shown
    )
    nearest = max(shown, key=lambda find: find.likeness)
    misfits = "".join(f"\n  - {line}" for line in _misfits(nearest))
    told = f"\nFiles that do not fit the best layout:{misfits}" if misfits else ""
    examples = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
    return (
        f"{root} does not hold {dataset.title}. Expected {_amount(dataset)} in "
        f"{dataset.content.n_classes} classes, laid out as one of\n{tried}\n"
        f"Found {len(files):,} image files{': ' + examples if files else ''}. "
        f"Get the dataset from {dataset.source}.{told}"
    )


def _misfits(find: Find) -> tuple[str, ...]:
    """Say of up to ten files that do not fit what was expected of them, and how many more."""
    lines = [f"{file}: {expected}" for file, expected in islice(find.misfits.items(), _MOST)]
    more = len(find.misfits) - len(lines)
    return (*lines, f"and {more:,} more") if more else tuple(lines)


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
