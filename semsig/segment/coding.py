"""How label files on disk number their classes, and the table those numbers turn into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.classes import MAX_CLASSES, ClassTable, Color, builtin_tables
from semsig.durable import without_tilde
from semsig.errors import ClassTableError, LabelMapError, SegmenterError
from semsig.segment.class_lines import Entry, read_entries
from semsig.segment.numberings import NUMBERINGS, Numbering, numbering_of, split_name
from semsig.types import LabelMap

_UNKNOWN = MAX_CLASSES + 1

BORDERS: tuple[Color, ...] = ((0, 0, 0), (224, 224, 192))
"""Colours of no class: black, and the outline that Pascal VOC draws around objects."""

VOID = "void"
"""A class of this name in a ``classes.txt`` means "no class" and is left out of the table."""


@dataclass(frozen=True, slots=True)
class Coding:
    """Which stored number, or colour, means which label.

    Parameters
    ----------
    classes : ClassTable
        The table of the label maps, without void.
    numbers : dict of int to int
        Label of each stored number.
    void_colors : tuple of (int, int, int)
        Colours that mean "no class" in colour-mapped pictures.
    """

    classes: ClassTable
    numbers: dict[int, int]
    void_colors: tuple[Color, ...] = BORDERS

    def label_map(self, stored: NDArray[np.generic]) -> LabelMap:
        """Turn stored numbers (H, W), or colours (H, W, 3) uint8, into a label map.

        Raises
        ------
        LabelMapError
            If it is neither, or a number or colour stands for nothing.
        """
        if stored.ndim == 3:
            return LabelMap.from_colors(stored, self.classes, void=self.void_colors)
        if stored.ndim != 2 or stored.dtype.kind not in "iub":
            raise LabelMapError(
                "Expected class numbers (H, W) or RGB uint8 (H, W, 3); "
                f"{stored.dtype} {stored.shape} came."
            )
        numbers = stored.astype(np.int64)
        signed = stored.dtype.kind == "i"
        numbers[numbers == -1] = self.classes.void if signed else _UNKNOWN  # "ignore" of exporters
        labels = self._lookup()[np.clip(numbers, -1, _UNKNOWN)]
        if (labels < 0).any():
            y, x = np.argwhere(labels < 0)[0]
            raise LabelMapError(
                f"Number {stored[y, x]} at (row {y}, column {x}) is no class of table "
                f"{self.classes.name!r} ({len(self.classes)} classes, {self.classes.void} = void)."
            )
        return LabelMap(labels, self.classes)

    def _lookup(self) -> NDArray[np.int32]:
        """Return the label of each number 0..65,535; -1 where there is none, and in the last."""
        labels = np.full(_UNKNOWN + 1, -1, np.int32)
        labels[self.classes.void] = self.classes.void
        labels[list(self.numbers)] = list(self.numbers.values())
        return labels


def find_coding(folder: Path, table: str | None) -> Coding:
    """Return the coding that `table` names or, without one, that lies with the label files.

    Parameters
    ----------
    folder : Path
        Where the label files are; ``classes.toml`` or ``classes.txt`` is looked for in it, then
        in the folder above.
    table : str, optional
        Name of a built-in table, perhaps with the numbering of its files as
        :mod:`semsig.segment.numberings` has them (``ade20k`` means ADE20K's own annotations, 0 =
        unlabelled; ``ade20k-mmseg`` mmsegmentation's, 0 = wall), or path of a .toml or .txt file.

    Raises
    ------
    SegmenterError
        If there is no such table, or it cannot be read.
    """
    name, numbering = split_name(table or "")
    if name in NUMBERINGS:
        stems = (path.stem for path in folder.rglob("*"))
        return _numbered(ClassTable.builtin(name), numbering or numbering_of(name, stems))
    if name in builtin_tables():
        return _by_position(ClassTable.builtin(name))
    if table is not None:
        path = without_tilde(table)
        if not path.is_file():
            raise SegmenterError(
                f"{table!r} is neither a file nor one of the built-in class tables "
                f"{', '.join(builtin_tables())}."
            )
        return read_coding(path)
    for place in (folder, folder.parent):
        for name in ("classes.toml", "classes.txt"):
            if (place / name).is_file():
                return read_coding(place / name)
    raise SegmenterError(
        f"No class table for the label maps in {folder}: put classes.toml or classes.txt there, "
        "or name a table, as in files:DIR@ade20k."
    )


def read_coding(path: Path) -> Coding:
    """Read ``classes.toml``, or lines of one of the formats of :mod:`semsig.segment.class_lines`.

    Raises
    ------
    SegmenterError
        If the file is neither; the message names the line.
    """
    try:
        if path.suffix == ".toml":
            return _by_position(ClassTable.from_toml(path))
        return _of_entries(read_entries(path), path.parent.name)
    except (OSError, UnicodeDecodeError, ClassTableError) as error:
        raise SegmenterError(f"{path} is no class table: {error}") from error


def _numbered(classes: ClassTable, numbering: Numbering) -> Coding:
    void = dict.fromkeys(numbering.void, classes.void)
    return Coding(classes, void | {stored: n for n, stored in enumerate(numbering.stored)})


def _by_position(classes: ClassTable) -> Coding:
    return Coding(classes, {number: number for number in range(len(classes))})


def _of_entries(entries: list[Entry], table: str) -> Coding:
    kept = [entry for entry in entries if entry.name != VOID]
    colors = [entry.color for entry in kept if entry.color is not None]
    palette = colors if colors and len(colors) == len(kept) else None
    classes = ClassTable([entry.name for entry in kept], name=table, palette=palette)
    numbers = _labels_of(
        [entry.number for entry in kept], [entry.number for entry in entries], classes
    )
    void_colors = tuple(e.color for e in entries if e.name == VOID and e.color is not None)
    return Coding(classes, numbers, void_colors)


def _labels_of(kept: list[int], stored: list[int], classes: ClassTable) -> dict[int, int]:
    if len(set(stored)) != len(stored):
        raise ClassTableError("a number comes twice")
    labels = {number: label for label, number in enumerate(kept)}
    return {number: labels.get(number, classes.void) for number in stored}
