"""Ground truth of landmark benchmarks in its published formats: gnd_*.pkl, .mat and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semsig.datasets.pickled import read_pickled
from semsig.documents import parse_json
from semsig.durable import read_regular
from semsig.errors import DatasetError

PROTOCOLS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "original": (("ok",), ("junk",)),
    "easy": (("easy",), ("junk", "hard")),
    "medium": (("easy", "hard"), ("junk",)),
    "hard": (("hard",), ("junk", "easy")),
}
"""Which lists are relevant and which are junk (Radenovic et al., Revisiting Oxford and Paris,
CVPR 2018); "original" where photos are just ok or not."""

_LISTS = ("ok", "easy", "hard", "junk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One query of a ground truth.

    Parameters
    ----------
    photo : str
        Its photo, as the file names it.
    box : (float, float, float, float) or None
        Left, top, right and bottom of the part that is asked for, in pixels; None for all of it.
    lists : mapping of str to tuple of int
        Numbers of photos: ``ok``, or ``easy`` and ``hard``; and ``junk``.
    """

    photo: str
    box: tuple[float, float, float, float] | None
    lists: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """What is relevant to the queries of a benchmark.

    Parameters
    ----------
    photos : tuple of str
        The photos that are searched, as the file names them.
    queries : tuple of Asked
        The queries.
    """

    photos: tuple[str, ...]
    queries: tuple[Asked, ...]

    def grades(self, protocol: str) -> list[dict[int, int]]:
        """Return for each query the grade of photos: 1 relevant, -1 junk.

        Raises
        ------
        DatasetError
            If there is no such protocol, or the file lacks its lists.
        """
        if protocol not in PROTOCOLS:
            raise DatasetError(f"Expected protocol {', '.join(PROTOCOLS)}, got {protocol!r}.")
        relevant, junk = PROTOCOLS[protocol]
        if not any(set(relevant) & set(query.lists) for query in self.queries):
            known = sorted({name for query in self.queries for name in query.lists})
            raise DatasetError(
                f"Expected lists {', '.join(relevant)} for protocol {protocol}, got "
                f"{', '.join(known)}. Choose another protocol."
            )
        return [
            {photo: -1 for name in junk for photo in query.lists.get(name, ())}
            | {photo: 1 for name in relevant for photo in query.lists.get(name, ())}
            for query in self.queries
        ]

    def to_json(self) -> str:
        """Return the ground truth as :func:`read_ground_truth` reads it."""
        return json.dumps(
            {
                "imlist": self.photos,
                "qimlist": [query.photo for query in self.queries],
                "gnd": [
                    {**query.lists, **({"bbx": query.box} if query.box else {})}
                    for query in self.queries
                ],
            }
        )


def read_ground_truth(path: Path) -> GroundTruth:
    """Read ground truth: ``imlist``, ``qimlist`` and, for each query, ``gnd``.

    Parameters
    ----------
    path : Path
        A pickle (see :func:`semsig.datasets.pickled.read_pickled`), a MATLAB file (whose numbers
        count from 1), or JSON.

    Raises
    ------
    DatasetError
        If the file cannot be read or holds something else.
    """
    if path.suffix not in _READERS:
        raise DatasetError(f"Expected a file {', '.join(_READERS)}, got {path.name}.")
    document = _READERS[path.suffix](path)
    first = 1 if path.suffix == ".mat" else 0
    try:
        photos = tuple(map(_name, document["imlist"]))
        asked = list(map(_name, document["qimlist"]))
        found = zip(asked, document["gnd"], strict=True)
        queries = tuple(_asked(photo, facts, len(photos), first) for photo, facts in found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"Expected imlist, qimlist and gnd with numbers of photos in {path}; got {error!r}."
        ) from error
    return GroundTruth(photos=photos, queries=queries)


def find_ground_truth(root: Path, stem: str) -> Path | None:
    """Return the file of this stem in a folder, below it or next to it."""
    for folder, pattern in ((root, f"**/{stem}"), (root.parent, stem)):
        for suffix in (".json", ".mat", ".pkl"):
            found = sorted(folder.glob(pattern + suffix))
            if found:
                return found[0]
    return None


def _asked(photo: str, facts: Mapping[str, Any], n_photos: int, first: int) -> Asked:
    lists = {}
    for name in _LISTS:
        if name in facts:
            numbers = np.asarray(facts[name], np.float64).ravel()
            if (numbers != numbers.astype(np.int64)).any():
                raise ValueError(f"{name} of {photo} is not a list of integers")
            whole = numbers.astype(np.int64) - first
            if ((whole < 0) | (whole >= n_photos)).any():
                raise ValueError(f"{name} of {photo} is beyond the {n_photos} photos")
            lists[name] = tuple(whole.tolist())
    return Asked(photo=photo, box=_box(facts.get("bbx")), lists=lists)


def _box(given: Any) -> tuple[float, float, float, float] | None:
    if given is None or not np.size(given):
        return None
    left, top, right, bottom = np.asarray(given, np.float64).ravel().tolist()
    return left, top, right, bottom


def _name(given: Any) -> str:
    if isinstance(given, bytes):
        return given.decode()
    if not isinstance(given, str):
        raise TypeError(f"{type(given).__name__} as the name of a photo")
    return str(given)


def _read_json(path: Path) -> Any:
    try:
        return parse_json(read_regular(path))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error


def _read_mat(path: Path) -> Any:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found = loadmat(path, simplify_cells=True, variable_names=["imlist", "qimlist", "gnd"])
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    # a list of one thing is the thing itself
    return {
        name: [value] if isinstance(value, str | dict) else value for name, value in found.items()
    }


_READERS: dict[str, Callable[[Path], Any]] = {
    ".pkl": read_pickled,
    ".mat": _read_mat,
    ".json": _read_json,
}

GROUND_TRUTH = tuple(_READERS)
"""Suffixes of files that :func:`read_ground_truth` reads."""
