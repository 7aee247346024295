"""How data sets number their own label files, where it differs from their class table's order."""

from __future__ import annotations

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
        Stored numbers that mean "no class", beside 255.
    mark : str
        The end of a file's stem, case-folded, that tells this numbering; empty if none does.
    """

    name: str
    stored: Sequence[int]
    void: Sequence[int] = ()
    mark: str = ""


_LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_COCO_ABSENT = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)

NUMBERINGS: dict[str, tuple[Numbering, ...]] = {
    "ade20k": (
        Numbering(name="annotations", stored=range(1, 151), void=(0,)),
        Numbering(name="mmseg", stored=range(150)),
    ),
    "pascal-context-59": (
        Numbering(name="annotations", stored=range(1, 60), void=(0,)),
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
    "coco-stuff": (
        Numbering(name="trainids", stored=range(171), mark="trainids"),
        Numbering(name="ids", stored=tuple(n for n in range(182) if n not in _COCO_ABSENT)),
    ),
}
"""The numberings of a table; the bare name of the table means the first, unless files' names tell
another."""


def split_name(table: str) -> tuple[str, Numbering | None]:
    """Return the built-in table and the numbering that ``cityscapes-labelids`` names."""
    for name, numberings in NUMBERINGS.items():
        for numbering in numberings:
            if table == f"{name}-{numbering.name}":
                return name, numbering
    return table, None


def numbering_of(table: str, stems: Iterable[str]) -> Numbering:
    """Return the numbering whose mark ends one of the files' stems; the first without one."""
    marked = [numbering for numbering in NUMBERINGS[table] if numbering.mark]
    for stem in stems if marked else ():
        for numbering in marked:
            if stem.casefold().endswith(numbering.mark):
                return numbering
    return NUMBERINGS[table][0]
