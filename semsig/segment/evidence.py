"""Infer from the numbers in label files which numbering the files use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.errors import SegmenterError
from semsig.segment.numberings import NUMBERINGS, Numbering
from semsig.segment.stored import read_stored

SAMPLE = 32
"""Largest number of label files that are read when a folder of them is opened."""


def sampled(files: Sequence[Path]) -> Sequence[Path]:
    """Return at most SAMPLE files, evenly spread."""
    return files[:: -(-len(files) // SAMPLE) or 1]


def numbers_in(files: Iterable[Path]) -> dict[int, Path]:
    """Return the numbers stored in label files, each with one file that holds it.

    Files that cannot be read, and files of colours, are skipped: reading one later raises.
    """
    found: dict[int, Path] = {}
    for path in files:
        try:
            stored = read_stored(path)
        except SegmenterError:
            continue
        found |= dict.fromkeys(_numbers(stored), path)
    return found


def _numbers(stored: NDArray[np.generic]) -> list[int]:
    if stored.ndim == 3 and stored.size and (stored == stored[..., :1]).all():
        stored = stored[..., 0]  # equal channels hold numbers
    if stored.ndim != 2 or stored.dtype.kind not in "iub":
        return []
    return [int(number) for number in np.unique(stored)]


def choose(
    table: str, named: Numbering | None, marks: set[str], numbers: dict[int, Path]
) -> tuple[Numbering, str]:
    """Return the numbering of a built-in table's files, and a sentence if it is uncertain.

    Parameters
    ----------
    table : str
        One of :data:`semsig.segment.numberings.NUMBERINGS`.
    named : Numbering, optional
        The one that the user named.
    marks : set of str
        Marks of numberings found at the ends of the files' stems.
    numbers : dict of int to Path
        Numbers found in a sample of the files, each with a file that holds it.

    Raises
    ------
    SegmenterError
        If names or numbers contradict the numbering, or fit two.
    """
    every = NUMBERINGS[table]
    possible = [one for one in every if one.has(numbers)]
    if named is not None:
        if named not in possible and possible:
            raise _contradicted(table, named, numbers, possible)
        return named, ""
    if len(marks) > 1:
        raise SegmenterError(
            f"Expected label maps of one numbering, got files for {' and '.join(sorted(marks))}; "
            f"name the ones to read: {_names(table, every)}."
        )
    default = next((one for one in every if one.mark in marks), every[0]) if marks else every[0]
    if 255 in numbers and not default.has_255 and len(possible) > 1 and default in possible:
        raise SegmenterError(
            f"Expected numbers as {table}-{default.name} has them, which has no 255; got 255 in "
            f"{numbers[255]}, which another numbering has where there is no class. "
            f"Say which it is: {_names(table, possible)}."
        )
    if default in possible or not possible:
        return default, "" if marks else _doubt(table, default, possible, numbers)
    if marks or len(possible) > 1:
        raise _contradicted(table, default, numbers, possible)
    return possible[0], (
        f"{_file_with(numbers, default)} is no number of {table}-{default.name}, so the label maps "
        f"are read as {table}-{possible[0].name}; name it to be sure."
    )


def _contradicted(
    table: str, numbering: Numbering, numbers: dict[int, Path], possible: Sequence[Numbering]
) -> SegmenterError:
    return SegmenterError(
        f"Expected numbers of {table}-{numbering.name}, got {_file_with(numbers, numbering)}; "
        f"by their numbers the label maps are of {_names(table, possible)}: name that."
    )


def _file_with(numbers: dict[int, Path], numbering: Numbering) -> str:
    number = max(number for number in numbers if not numbering.has([number]))
    return f"{number} in {numbers[number]}"


def _names(table: str, numberings: Iterable[Numbering]) -> str:
    return " or ".join(f"@{table}-{one.name} ({_meaning(table, one)})" for one in numberings)


def _meaning(table: str, numbering: Numbering) -> str:
    return f"{numbering.stored[0]} = {ClassTable.builtin(table).names[0]}"


def _doubt(
    table: str, default: Numbering, possible: Sequence[Numbering], numbers: dict[int, Path]
) -> str:
    others = [one for one in possible if one is not default and _differ(default, one, numbers)]
    if not others:
        return ""
    return (
        f"@{table} is read as {table}-{default.name} ({_meaning(table, default)}); the numbers do "
        f"not tell it from {_names(table, others)}. Name one to be sure."
    )


def _differ(a: Numbering, b: Numbering, numbers: Iterable[int]) -> bool:
    places = ({stored: place for place, stored in enumerate(one.stored)} for one in (a, b))
    first, second = places
    return any(first.get(number) != second.get(number) for number in numbers)


def shifted(classes: ClassTable, numbers: dict[int, Path]) -> str:
    """Say why numbers cannot be a table's classes in order from 0; empty if they can.

    Exactly one number beyond the last class is typical of maps that count from 1.
    """
    last = len(classes)
    beyond = {number for number in numbers if number >= last and number != classes.void}
    if beyond != {last}:
        return ""
    return (
        f"Number {last} at a pixel of {numbers[last]} is one beyond the {last} classes "
        f"of {classes.name!r}, which count from 0: label maps that count from 1 would be read one "
        f"class too high. Write the numbers into classes.txt, as in '1 {classes.names[0]}', or "
        "void for a number without a class."
    )


def scaled(classes: ClassTable, numbers: dict[int, Path]) -> str:
    """Say, for a table of two classes, that masks of 0 and 255 have 255 as void; else empty."""
    if set(numbers) != {0, 255} or len(classes) != 2:
        return ""
    return (
        f"The label maps hold 0 and 255 alone, and 255 means no class; if it is "
        f"{classes.names[1]!r}, write '0 {classes.names[0]}' and '255 {classes.names[1]}' into "
        "classes.txt."
    )
