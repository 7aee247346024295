"""The user's own photos as a benchmark: class folders, a CSV of labels, or judgements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semsig.datasets.dataset import Dataset
from semsig.datasets.folder_layouts import Content
from semsig.datasets.folders import files_below
from semsig.datasets.gnd import GROUND_TRUTH
from semsig.datasets.labels import PhotoNames, read_labels
from semsig.datasets.landmarks import LandmarkDataset
from semsig.datasets.photos import Mode, Photos
from semsig.datasets.trec import read_qrels
from semsig.errors import DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDataset(Dataset):
    """The user's own photos, and the source of what is relevant.

    Make one with :func:`own_dataset`.

    Parameters
    ----------
    queries : Path or None
        Folder of the queries, if they are other photos than those that are searched.
    relevant : Path or None
        TREC judgements.
    table : Path or None
        CSV of labels.
    """

    queries: Path | None
    relevant: Path | None
    table: Path | None

    def scan(self, root: Path | str) -> Photos:
        """Find the photos under a folder, and what is relevant.

        Raises
        ------
        DatasetError
            If folder and files do not fit together; the message says what was expected.
        """
        root = Path(root)
        paths = [root / file for file in files_below(root)]
        asked = [] if self.queries is None else _queries(self.queries, root)
        if self.relevant is not None:
            return _judged(paths, asked, self.relevant, root, self.queries)
        if self.table is not None:
            labels = _labels_of(read_labels(self.table), paths, asked, root, self.queries)
            return _tagged(paths, asked, labels, self.mode)
        folders = [(path, root) for path in paths] + [(path, self.queries) for path in asked]
        labelled = [{_class_folder(path, top or root)} for path, top in folders]
        return _tagged(paths, asked, labelled, self.mode)


def own_dataset(
    root: Path | str,
    *,
    queries: Path | None = None,
    relevant: Path | None = None,
    table: Path | None = None,
    left_out: bool = False,
    cutoff: int | None = None,
    protocol: str | None = None,
) -> OwnDataset | LandmarkDataset:
    """Return the user's own photos as a benchmark.

    Parameters
    ----------
    root : Path or str
        Folder of the photos that are searched: one folder per class, unless `relevant` or
        `table` is given.
    queries : Path, optional
        Folder of the queries, with the same layout; each searched photo is a query by default.
    relevant : Path, optional
        Ground truth as :func:`semsig.datasets.gnd.read_ground_truth` takes it, or TREC
        judgements of the queries: lines ``query 0 photo grade``. Photos go by their path
        from the folder, with or without suffix, or by file name where that names only one.
    table : Path, optional
        CSV with a header: a column ``file`` (or path, photo, image) and one ``label`` (or
        labels, class, category, tags). Several labels are separated by ``;`` or stand in several
        rows; photos that share more of them are more relevant.
    left_out : bool
        A query does not count in its own ranking; otherwise it is its own first hit.
    cutoff : int, optional
        R of ``map_paper`` and ``p@r``; the number of relevant photos by default.
    protocol : str, optional
        Where `relevant` is a ground truth of landmarks: ``"easy"``, ``"medium"`` or ``"hard"``,
        or ``"original"``, the default.

    Raises
    ------
    DatasetError
        If both `relevant` and `table` are given, or a query is to be left out that is not in.
    """
    if relevant is not None and table is not None:
        raise DatasetError("Expected judgements or a CSV of labels, got both. Give one.")
    if left_out and (queries is not None or relevant is not None):
        raise DatasetError(
            "Expected left_out only where queries are searched photos, got others or judgements."
        )
    landmarks = relevant is not None and relevant.suffix in GROUND_TRUTH
    if protocol is not None and not landmarks:
        raise DatasetError(f"Expected ground truth with protocol {protocol!r}, as gnd_*.pkl.")
    apart: Mode = "query-left-out" if left_out else "query-in-ground-truth"
    if queries is not None:
        apart = "disjoint"
    name = Path(root).resolve().name
    common: dict[str, Any] = {
        "name": name,
        "title": f"the photos in {root}",
        "reference": "",
        "licence": "",
        "source": str(root),
        "cutoff": cutoff,
        "content": Content(splits={"": ()}),
        "layouts": (),
    }
    if relevant is not None and landmarks:
        return LandmarkDataset(
            **common,
            mode="listed",
            ground_truth=relevant.stem,
            protocol=protocol or "original",
            file=relevant,
        )
    return OwnDataset(
        **common,
        mode="judged" if relevant is not None else apart,
        queries=queries,
        relevant=relevant,
        table=table,
    )


def _queries(folder: Path, root: Path) -> list[Path]:
    paths = [folder / file for file in files_below(folder)]
    if folder.resolve() == root.resolve():
        raise DatasetError(f"Expected queries in another folder than {root}; leave --queries out.")
    if not paths:
        raise DatasetError(f"Expected query photos in {folder}, found none.")
    return paths


def _class_folder(path: Path, root: Path) -> str:
    parts = path.relative_to(root).parts
    if len(parts) < 2:
        raise DatasetError(
            f"Expected a folder of class folders, such as {root.name}/cat/1.jpg and "
            f"{root.name}/dog/2.jpg; {path} lies in no class folder. Put it into one, or give a "
            "CSV of labels or judgements."
        )
    return parts[0]


def _tagged(
    paths: Sequence[Path], asked: Sequence[Path], labelled: Sequence[Iterable[str]], mode: Mode
) -> Photos:
    """Return photos with their labels; those without any are searched, but no queries."""
    classes = tuple(sorted({label for labels in labelled for label in labels}))
    if len(classes) < 2:
        raise DatasetError(
            f"Expected photos of at least two classes, got {len(classes)}"
            f"{': ' + classes[0] if classes else ''}. Give a folder that holds class folders."
        )
    tags = np.array([[c in labels for c in classes] for labels in map(set, labelled)], np.bool_)
    searched = np.arange(len(labelled)) < len(paths)
    several = bool((tags.sum(1) > 1).any())
    return Photos(
        paths=(*paths, *asked),
        labels=np.where(tags.any(1), tags.argmax(1), -1).astype(np.int64),
        is_query=tags.any(1) & (searched != bool(asked)),
        in_database=searched,
        classes=classes,
        notes=_unlabelled(int((~tags.any(1)).sum())),
        mode=mode,
        tags=tags if several else None,
    )


def _unlabelled(count: int) -> tuple[str, ...]:
    return (f"{count:,} photos have no label: searched, but not used as queries",) if count else ()


def _labels_of(
    labels: Mapping[str, set[str]],
    paths: Sequence[Path],
    asked: Sequence[Path],
    root: Path,
    queries: Path | None,
) -> list[set[str]]:
    """Return each photo's labels; DatasetError if the table names none of them."""
    names = PhotoNames(paths, root)
    if queries is not None:
        names.add(asked, queries)
    found: list[set[str]] = [set() for _ in (*paths, *asked)]
    for file, of in labels.items():
        number = names.find(file)
        if number is not None:
            found[number] |= of
    if not any(found):
        given = ", ".join(list(labels)[:3])
        raise DatasetError(
            f"Expected a CSV that names photos in {root}; it names {given}. Name them by their "
            "path from that folder."
        )
    return found


def _judged(
    paths: Sequence[Path], asked: Sequence[Path], qrels: Path, root: Path, queries: Path | None
) -> Photos:
    names = PhotoNames(paths, root)
    askable = names if queries is None else PhotoNames(asked, queries, first=len(paths))
    grades: dict[int, dict[int, int]] = {}
    lost = 0
    for query, judged in read_qrels(qrels).items():
        number = askable.find(query)
        found = {names.find(photo): grade for photo, grade in judged.items()}
        lost += (number is None) + (None in found)
        known = {photo: grade for photo, grade in found.items() if photo is not None}
        if number is not None and max(known.values(), default=0) > 0:
            grades[number] = known
    if not grades:
        raise DatasetError(
            f"Expected {qrels} to name queries in {queries or root} and relevant photos in {root}; "
            "no query with a relevant photo is there. Name them by their path from the folder."
        )
    total = len(paths) + len(asked)
    return Photos(
        paths=(*paths, *asked),
        labels=np.zeros(total, np.int64),
        is_query=np.isin(np.arange(total), list(grades)),
        in_database=np.arange(total) < len(paths),
        classes=(),
        notes=(f"{lost:,} queries name photos that are not there",) if lost else (),
        mode="judged",
        grades=grades,
    )
