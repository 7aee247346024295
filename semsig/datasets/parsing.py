"""Descriptions of datasets read from TOML: defaults, and one error that lists every problem.

docs/datasets.md says what each key means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from semsig.datasets.class_folders import CLASS_FOLDERS
from semsig.datasets.dataset import Dataset
from semsig.datasets.folder_layouts import Content, Layout
from semsig.datasets.landmarks import LandmarkDataset
from semsig.datasets.photos import Mode
from semsig.documents import parse_toml
from semsig.durable import read_regular
from semsig.errors import DatasetError

_TEXTS = ("name", "title", "reference", "licence", "source", "query_split", "database_split")
_KEYS = {*_TEXTS, "mode", "cutoff", "classes", "class_count", "class_sizes", "query_sizes"}
_KEYS |= {"aliases", "layouts", "names", "kinds", "measures", "ground_truth", "protocol"}
_MODES = tuple(mode for mode in get_args(Mode) if mode != "judged")  # that needs a file as well
_KINDS = (".jpg", ".jpeg")
_MOST = 10**9
"""Largest number of photos in a description."""
_LAYOUT_KEYS = {"name", "pattern", "first", "per_class"}


def read_description(path: Path) -> Dataset:
    """Read a TOML file that describes a dataset.

    Raises
    ------
    DatasetError
        If it cannot be read, or does not describe one: the message has a line for each thing
        that is missing or wrong.
    """
    try:
        facts = parse_toml(read_regular(path))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path} does not describe a dataset: it cannot be read as TOML: {error}"
        ) from error
    description = _Description(facts, path.stem)
    dataset = description.dataset()
    if description.wrong:
        lines = "\n".join(f"  - {problem}" for problem in description.wrong)
        raise DatasetError(
            f"{path} does not describe a dataset (docs/datasets.md has the format):\n{lines}"
        )
    assert dataset is not None  # nothing was wrong
    return dataset


class _Description:
    """A description's facts; problems are collected in :attr:`wrong`."""

    def __init__(self, facts: Mapping[str, Any], name: str) -> None:
        self._facts = facts
        self.wrong: list[str] = []
        texts = {key: self._text(key) for key in _TEXTS}
        texts["name"] = texts["name"] or name
        texts["title"] = texts["title"] or texts["name"]
        self._texts = texts
        unknown = sorted(facts.keys() - _KEYS)
        if unknown:
            self.wrong.append(
                f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}"
            )

    def dataset(self) -> Dataset | None:
        """Return the dataset, or None where something is wrong."""
        mode, cutoff, content = self._mode(), self._cutoff(), self._content()
        layouts = self._layouts()
        if self.wrong:
            return None
        facts: dict[str, Any] = {
            key: self._texts[key] for key in _TEXTS if key not in ("database_split", "query_split")
        }
        facts |= {"mode": mode, "cutoff": cutoff, "measures": self._names("measures")}
        facts |= {"names": self._names("names"), "kinds": self._names("kinds", _KINDS)}
        if self._is_landmarks:
            return LandmarkDataset(
                **facts,
                content=Content(splits={"": ()}),
                layouts=(),
                ground_truth=self._text("ground_truth"),
                protocol=self._text("protocol"),
            )
        query_split = self._texts["query_split"]
        return Dataset(**facts, query_split=query_split, content=content, layouts=layouts)

    @property
    def _is_landmarks(self) -> bool:
        """Whether files of ground truth say what is relevant, not folders of classes."""
        return "ground_truth" in self._facts

    def _names(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        names = self._facts.get(key, list(default))
        if not _is_list_of(names, str):
            self.wrong.append(f"{key}: expected a list of texts, got {names!r}")
            return ()
        return tuple(names)

    def _text(self, key: str) -> str:
        value = self._facts.get(key, "")
        if not isinstance(value, str):
            self.wrong.append(f"{key}: expected a text, got {value!r}")
            return ""
        return value

    def _mode(self) -> Mode:
        mode: Mode = self._facts.get("mode", "query-in-ground-truth")
        if mode not in _MODES:
            self.wrong.append(f"mode: expected one of {', '.join(_MODES)}, got {mode!r}")
        if mode == "disjoint" and not self._texts["query_split"]:
            self.wrong.append('query_split: missing; mode "disjoint" needs the name of that split')
        return mode

    def _cutoff(self) -> int | None:
        cutoff = self._facts.get("cutoff", "class size")
        if cutoff == "class size":
            return None
        if not _is_whole(cutoff, 1):
            self.wrong.append(
                f'cutoff: expected a number from 1 on or "class size", got {cutoff!r}'
            )
            return None
        return int(cutoff)

    def _content(self) -> Content:
        if self._is_landmarks:
            return Content(splits={"": ()})
        classes = self._classes()
        count = len(classes) or self._count()
        splits = {self._texts["database_split"]: self._sizes("class_sizes", count)}
        if self._facts.get("mode") == "disjoint":
            splits[self._texts["query_split"]] = self._sizes("query_sizes", count)
        return Content(splits=splits, classes=classes, aliases=self._aliases(classes))

    def _classes(self) -> tuple[str, ...]:
        classes = self._facts.get("classes", [])
        if not _is_list_of(classes, str) or len(set(classes)) != len(classes):
            self.wrong.append(f"classes: expected a list of different names, got {classes!r}")
            return ()
        return tuple(classes)

    def _count(self) -> int:
        count: Any = self._facts.get("class_count")
        if _is_whole(count, 1):
            return int(count)
        if count is None:
            self.wrong.append("classes: missing; a list of names, or class_count = their number")
        else:
            self.wrong.append(f"class_count: expected a number from 1 on, got {count!r}")
        return 0

    def _sizes(self, key: str, count: int) -> tuple[int, ...]:
        sizes = self._facts.get(key, "any")
        if sizes == "any":
            return (0,) * count
        if _is_whole(sizes, 1):
            return (sizes,) * count
        if not (isinstance(sizes, list) and all(_is_whole(size, 0) for size in sizes)):
            self.wrong.append(f'{key}: expected "any", a number or a list of them, got {sizes!r}')
        elif count and len(sizes) != count:
            self.wrong.append(f"{key}: {len(sizes)} numbers for {count} classes")
        else:
            return tuple(sizes)
        return (0,) * count

    def _aliases(self, classes: tuple[str, ...]) -> Mapping[str, list[str]]:
        aliases = self._facts.get("aliases", {})
        fits = isinstance(aliases, dict) and all(_is_list_of(v, str) for v in aliases.values())
        if not fits:
            self.wrong.append(f"aliases: expected a table CLASS = [names], got {aliases!r}")
            return {}
        strange = sorted(aliases.keys() - set(classes))
        if strange and classes:
            self.wrong.append(f"aliases: {', '.join(strange)} is none of the classes")
        return dict(aliases)

    def _layouts(self) -> tuple[Layout, ...]:
        given = self._facts.get("layouts", [{"name": "class folders", "pattern": CLASS_FOLDERS}])
        if not isinstance(given, list) or not given:
            self.wrong.append(f"layouts: expected [[layouts]] with a pattern each, got {given!r}")
            return ()
        found = [self._layout(number, facts) for number, facts in enumerate(given, 1)]
        return tuple(layout for layout in found if layout is not None)

    def _layout(self, number: int, facts: Any) -> Layout | None:
        where = f"layouts, number {number}"
        if not isinstance(facts, dict) or not isinstance(facts.get("pattern"), str):
            self.wrong.append(f"{where}: pattern is missing, a regular expression of paths")
            return None
        unknown = sorted(facts.keys() - _LAYOUT_KEYS)
        if unknown:
            self.wrong.append(f"{where}: unknown: {', '.join(unknown)}")
            return None
        try:
            named: dict[str, Any] = {"name": f"layout {number}"} | facts
            return Layout.make(**named)
        except (ValueError, TypeError, re.error) as error:
            self.wrong.append(f"{where}: {error}")
            return None


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= _MOST


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)
