"""Descriptions of benchmarks: facts in TOML."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, get_args

from semsig.datasets.dataset import Dataset
from semsig.datasets.folder_layouts import Content, Layout, letters
from semsig.datasets.folders import named_like
from semsig.datasets.photos import Mode
from semsig.errors import DatasetError


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


def load_dataset(name: str | Path) -> Dataset:
    """Return a dataset by name, such as ``wang`` or ``Corel-1K``, or from a TOML file.

    Raises
    ------
    DatasetError
        If there is no such dataset, or the file does not describe one.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = _folder() / f"{_name_of(str(name))}.toml"
    try:
        return _parse(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, re.error) as error:
        raise DatasetError(f"{path} does not describe a dataset: {error!r}") from error


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
    facts = tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8"))
    return tuple(facts.get("names", ()))


@cache
def _folder() -> Path:
    """Return the folder of descriptions: this one once installed, else that of the checkout."""
    here = Path(__file__).parent
    return next(d for d in (here, here.parents[1] / "datasets") if any(d.glob("*.toml")))


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
        names=tuple(map(str, facts.get("names", ()))),
        kinds=tuple(map(str, facts.get("kinds", (".jpg", ".jpeg")))),
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
