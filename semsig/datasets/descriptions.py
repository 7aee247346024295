"""Descriptions of benchmarks: facts in TOML."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args

from semsig.classes import MAX_CLASSES
from semsig.datasets.dataset import Dataset
from semsig.datasets.folder_layouts import Content, Layout, letters
from semsig.datasets.folders import named_like
from semsig.datasets.landmarks import LandmarkDataset
from semsig.datasets.photos import Mode
from semsig.documents import Entries, items, parse_toml, whole
from semsig.durable import read_regular
from semsig.errors import DatasetError

_MOST = 10**9
"""Photos that a description may speak of."""


def dataset_names() -> tuple[str, ...]:
    """Names of the datasets that semsig describes."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def find_folder(name: str, root: Path | str) -> Path | None:
    """Return the folder in `root` that has one of a dataset's names, or `root` itself; else None.

    Raises
    ------
    DatasetError
        If there is no such dataset, or `root` is no folder that can be listed.
    """
    dataset = load_dataset(name)
    return named_like((dataset.name, *dataset.names), root)


def load_dataset(name: str | Path, protocol: str | None = None) -> Dataset:
    """Return a dataset by name, such as ``wang`` or ``Corel-1K``, or from a TOML file of one's own.

    Parameters
    ----------
    name : str or Path
        One of :func:`dataset_names`, or a file.
    protocol : str, optional
        Of a dataset that has several: ``"easy"``, ``"medium"`` or ``"hard"``.

    Raises
    ------
    DatasetError
        If there is no such dataset or protocol, or the file does not describe one.
    """
    found = _load(name)
    if protocol is None:
        return found
    if not isinstance(found, LandmarkDataset):
        raise DatasetError(
            f"Expected no protocol for {found.name}, which has one; got {protocol!r}."
        )
    return replace(found, protocol=protocol)


def _load(name: str | Path) -> Dataset:
    path = Path(name)
    if path.suffix != ".toml":
        path = _folder() / f"{_name_of(str(name))}.toml"
    try:
        return _parse(Entries(parse_toml(read_regular(path)), "a description"))
    except (OSError, ValueError, re.error) as error:
        raise DatasetError(f"{path} does not describe a dataset: {error}.") from error


def _name_of(name: str) -> str:
    """Return the name of the dataset that goes by `name`; its own names come before others."""
    known = dataset_names()
    if name in known:
        return name
    also = [(one, alias) for one in known for alias in _other_names(one)]
    for one, alias in [*zip(known, known, strict=True), *also]:
        if letters(alias) == letters(name) != "":
            return one
    raise DatasetError(f"No dataset {name!r}; there are {', '.join(known)}.")


@cache
def _other_names(name: str) -> tuple[str, ...]:
    facts = Entries(parse_toml(read_regular(_folder() / f"{name}.toml")), "a description")
    return facts.texts("names", ())


@cache
def _folder() -> Path:
    """Return the folder of descriptions: this one once installed, else that of the checkout."""
    here = Path(__file__).parent
    return next(d for d in (here, here.parents[1] / "datasets") if any(d.glob("*.toml")))


def _parse(facts: Entries) -> Dataset:
    mode = facts.text("mode")
    if mode not in get_args(Mode):
        raise ValueError(f"expected mode to be one of {', '.join(get_args(Mode))}, got {mode!r}")
    by_class = facts.value("cutoff") == "class size"
    common: dict[str, Any] = {
        **{key: facts.text(key) for key in ("name", "title", "reference", "licence", "source")},
        "mode": cast(Mode, mode),
        "cutoff": None if by_class else facts.whole("cutoff", 1, _MOST),
        "measures": facts.texts("measures", ()),
    }
    if "ground_truth" in facts:
        return LandmarkDataset(
            **common,
            content=Content(splits={"": ()}),
            layouts=(),
            ground_truth=facts.text("ground_truth"),
            protocol=facts.text("protocol"),
        )
    return Dataset(
        **common,
        content=_parse_content(facts, disjoint=mode == "disjoint"),
        layouts=tuple(map(_parse_layout, facts.tables("layouts"))),
        query_split=facts.text("query_split", ""),
        names=facts.texts("names", ()),
        kinds=facts.texts("kinds", (".jpg", ".jpeg")),
    )


def _parse_layout(facts: Entries) -> Layout:
    facts.only("name", "pattern", "first", "per_class")
    return Layout.make(
        name=facts.text("name"),
        pattern=facts.text("pattern"),
        first=facts.whole("first", 0, _MOST, default=0),
        per_class=facts.whole("per_class", 1, _MOST, default=1),
    )


def _parse_content(facts: Entries, *, disjoint: bool) -> Content:
    classes = facts.texts("classes", ())
    count = len(classes) or facts.whole("class_count", 1, MAX_CLASSES)
    splits = {facts.text("database_split", ""): _sizes(facts, "class_sizes", count)}
    if disjoint:
        splits[facts.text("query_split")] = _sizes(facts, "query_sizes", count)
    aliases = facts.table("aliases", {})
    return Content(
        splits=splits, classes=classes, aliases={name: aliases.texts(name) for name in aliases}
    )


def _sizes(facts: Entries, key: str, count: int) -> tuple[int, ...]:
    """Return the photos of each class: "any" number, one for all, or a list."""
    given = facts.value(key)
    if given == "any":
        return (0,) * count
    each = items(given, key) if isinstance(given, list) else [given] * count
    if len(each) != count:
        raise ValueError(f"expected {count} {key}, one a class, got {len(each)}")
    return tuple(whole(size, key, 0, _MOST) for size in each)
