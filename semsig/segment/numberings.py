"""How data sets number their own label files, where that differs from the class table's order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """One way in which label files number the classes of a built-in table.

    Parameters
    ----------
    name : str
        What follows the table's name, as in ``@cityscapes-labelids``.
    stored : sequence of int
        The stored number of each class, in the table's order.
    void : sequence of int
        Stored numbers that mean "no class", in addition to 255 and -1.
    mark : str
        The end of a file's stem, only letters and digits, that indicates this numbering; empty if
        there is none.
    has_255 : bool
        Whether the data set's own files contain 255, which may tell two numberings apart.
    """

    name: str
    stored: Sequence[int]
    void: Sequence[int] = ()
    mark: str = ""
    has_255: bool = True

    def has(self, numbers: Iterable[int]) -> bool:
        """Tell whether all these stored numbers, except 255 and -1, have a meaning."""
        return set(numbers) - {-1, 255} <= {*self.stored, *self.void}


_LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_COCO_ABSENT = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)

NUMBERINGS: dict[str, tuple[Numbering, ...]] = {
    "ade20k": (
        Numbering(name="annotations", stored=range(1, 151), void=(0,), has_255=False),
        Numbering(name="mmseg", stored=range(150)),
    ),
    "pascal-context-59": (
        Numbering(name="annotations", stored=range(1, 60), void=(0,), has_255=False),
        Numbering(name="mmseg", stored=range(59)),
    ),
    "cityscapes": (
        Numbering(name="trainids", stored=range(19), mark="trainids"),
        Numbering(
            name="labelids",
            stored=_LABEL_IDS,
            void=tuple(number for number in range(35) if number not in _LABEL_IDS),
            mark="labelids",
        ),
    ),
    "msrc": (
        Numbering(name="order", stored=range(23)),
        Numbering(name="annotations", stored=range(1, 24), void=(0,)),
    ),
    "coco-stuff": (
        Numbering(name="trainids", stored=range(171), mark="trainids"),
        Numbering(name="ids", stored=tuple(n for n in range(182) if n not in _COCO_ABSENT)),
        Numbering(
            name="labels",  # those of its labels.txt: 0 = unlabelled, 1 = person
            stored=tuple(n + 1 for n in range(182) if n not in _COCO_ABSENT),
            void=(0,),
            has_255=False,
        ),
    ),
}
"""The numberings of a table; the table's name alone means the first one, unless the files' names or
numbers show that it is another."""

_NOT_MAPS = ("color", "colour", "instanceids", "instancetrainids", "polygons")
"""Stem endings of other files that data sets with marked label maps store beside them."""


def split_name(table: str) -> tuple[str, Numbering | None]:
    """Return the built-in table and the numbering that ``cityscapes-labelids`` names."""
    for name, numberings in NUMBERINGS.items():
        for numbering in numberings:
            if table == f"{name}-{numbering.name}":
                return name, numbering
    return table, None


def marks_of(table: str, stems: Iterable[str]) -> set[str]:
    """Return the marks of a table's numberings with which any of the files' stems ends."""
    marks = [numbering.mark for numbering in NUMBERINGS.get(table, ()) if numbering.mark]
    ends = {_end(stem) for stem in stems} if marks else set()
    return {mark for mark in marks if any(_has(end, mark) for end in ends)}


def is_map_of(stem: str, mark: str, all_marks: Iterable[str]) -> bool:
    """Tell whether a file in a folder of files marked `mark` may be a label map as well."""
    end = _end(stem)
    return _has(end, mark) or not any(_has(end, other) for other in (*all_marks, *_NOT_MAPS))


def _end(stem: str) -> str:
    return re.sub(r"[\W_]", "", stem.casefold())[-24:]


def _has(end: str, mark: str) -> bool:
    return end.endswith((mark, mark.removesuffix("s")))
