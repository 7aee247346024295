"""Descriptions of benchmarks: facts in TOML."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

from semsig.datasets.dataset import Dataset
from semsig.datasets.folder_layouts import Content, Layout
from semsig.datasets.landmarks import LandmarkDataset
from semsig.datasets.photos import Mode
from semsig.errors import DatasetError


def dataset_names() -> tuple[str, ...]:
    """Names of the datasets that semsig describes."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def load_dataset(name: str | Path, protocol: str | None = None) -> Dataset:
    """Return a dataset by name, or from a TOML file of one's own.

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
        if name not in dataset_names():
            raise DatasetError(f"No dataset {str(name)!r}; there are {', '.join(dataset_names())}.")
        path = _folder() / f"{name}.toml"
    try:
        return _parse(tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, re.error) as error:
        raise DatasetError(f"{path} does not describe a dataset: {error!r}") from error


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
    common: dict[str, Any] = {
        **{key: str(facts[key]) for key in ("name", "title", "reference", "licence", "source")},
        "mode": facts["mode"],
        "cutoff": cutoff,
        "measures": tuple(map(str, facts.get("measures", ()))),
    }
    if "ground_truth" in facts:
        return LandmarkDataset(
            **common,
            content=Content(splits={"": ()}),
            layouts=(),
            ground_truth=str(facts["ground_truth"]),
            protocol=str(facts["protocol"]),
        )
    return Dataset(
        **common,
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
