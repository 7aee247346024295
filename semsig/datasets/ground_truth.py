"""Lists of what is relevant to a query, as Oxford5k and Paris6k publish them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from semsig.durable import read_regular
from semsig.errors import DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A query that files describe: a part of a photo, and what counts as found.

    Parameters
    ----------
    name : str
        The query's name.
    photo : str
        Stem of the photo's file.
    box : (float, float, float, float)
        Left, top, right and bottom of the part that is asked for, in pixels.
    relevant : frozenset of str
        Stems of photos that show it well or well enough.
    junk : frozenset of str
        Stems of photos that show too little of it to count for or against.
    """

    name: str
    photo: str
    box: tuple[float, float, float, float]
    relevant: frozenset[str]
    junk: frozenset[str]


def read_lists(root: Path) -> list[Listed]:
    """Read ``NAME_query.txt``, ``NAME_good.txt``, ``NAME_ok.txt`` and ``NAME_junk.txt``.

    Parameters
    ----------
    root : Path
        The folder that they lie in or below.

    Returns
    -------
    list of Listed
        By name.

    Raises
    ------
    DatasetError
        If a file is missing or malformed; the message names it.
    """
    suffix = "_query.txt"
    return [
        _read(path, path.name.removesuffix(suffix)) for path in sorted(root.rglob(f"*{suffix}"))
    ]


def _read(path: Path, name: str) -> Listed:
    words = _words(path)
    try:
        photo, (left, top, right, bottom) = words[0], map(float, words[1:])
    except (IndexError, ValueError):
        raise DatasetError(
            f"{path} is malformed: expected a photo's name and four numbers, left, top, right, "
            f"bottom, got {' '.join(words)[:80]!r}."
        ) from None
    good, ok, junk = (_words(path.with_name(f"{name}_{kind}.txt")) for kind in _KINDS)
    return Listed(
        name=name,
        photo=photo.removeprefix("oxc1_"),
        box=(left, top, right, bottom),
        relevant=frozenset(good + ok),
        junk=frozenset(junk),
    )


_KINDS = ("good", "ok", "junk")


def _words(path: Path) -> list[str]:
    try:
        return read_regular(path).decode().split()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
