"""How label files on disk number their classes, and the table those numbers turn into."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from semsig.classes import MAX_CLASSES, ClassTable, Color, builtin_tables
from semsig.errors import ClassTableError, LabelMapError, SegmenterError
from semsig.segment.class_lines import Entry, read_entries
from semsig.segment.evidence import choose, numbers_in, sampled, scaled, shifted
from semsig.segment.numberings import NUMBERINGS, Numbering, is_map_of, marks_of, split_name
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

    @property
    def counts_from_0(self) -> bool:
        """Whether each class's stored number is its label."""
        return self.numbers == {label: label for label in range(len(self.classes))}

    @property
    def fingerprint(self) -> str:
        """Changes with what numbers and colours mean; empty where order alone tells it."""
        named = self.classes.name not in builtin_tables() and self._has_colors
        if self.counts_from_0 and not named:
            return ""
        facts = sorted(self.numbers.items()), self.classes.palette, self.void_colors
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    @property
    def _has_colors(self) -> bool:
        """Whether the table brings colours of its own, in which pictures may be drawn."""
        return self.classes.palette != ClassTable(self.classes.names).palette

    def label_map(self, stored: NDArray[np.generic]) -> LabelMap:
        """Turn stored numbers (H, W), or colours (H, W, 3) uint8, into a label map.

        Three equal channels hold numbers, unless they are colours of the table. Floats are
        numbers if all are whole. -1 means no class where there is a sign.

        Raises
        ------
        LabelMapError
            If it is neither or may be both, or a number or colour stands for nothing.
        """
        if stored.ndim == 3 and stored.shape[2] == 1:
            stored = stored[..., 0]
        if stored.ndim != 3:
            return self._of_numbers(stored)
        grey = stored.size > 0 and np.array_equal(stored, stored[..., [0, 0, 0]])
        return self._of_grey(stored) if grey else self._of_colors(stored)

    def _of_colors(self, stored: NDArray[np.generic]) -> LabelMap:
        return LabelMap.from_colors(stored, self.classes, void=self.void_colors)

    def _of_grey(self, stored: NDArray[np.generic]) -> LabelMap:
        """Read three equal channels as the one thing that they can mean."""
        color = tuple(stored[0, 0].tolist())
        try:
            numbers = self._of_numbers(stored[..., 0])
        except LabelMapError as error:
            numbers, reason = None, str(error)
        try:
            colors = self._of_colors(stored) if self._has_colors else None
        except LabelMapError:
            colors = None
        if numbers is None and (colors is None or (colors.labels == self.classes.void).all()):
            raise LabelMapError(
                f"Equal channels are neither class numbers nor colours such as {color}: {reason}"
            )
        if numbers is not None and colors is not None and numbers != colors:
            raise LabelMapError(
                f"Equal channels such as {color} may be class numbers or colours of table "
                f"{self.classes.name!r}; save the numbers as grey."
            )
        return cast("LabelMap", numbers or colors)

    def _of_numbers(self, stored: NDArray[np.generic]) -> LabelMap:
        whole = stored.dtype.kind == "f" and np.array_equal(stored, np.trunc(stored))
        if stored.ndim != 2 or not (stored.dtype.kind in "iub" or whole):
            raise LabelMapError(
                "Expected class numbers (H, W), all of them whole, or RGB uint8 (H, W, 3); "
                f"{stored.dtype} {stored.shape} came."
            )
        limited = np.clip(stored, -2.0, float(_UNKNOWN), dtype=np.float64) if whole else stored
        numbers = limited.astype(np.int64)  # which holds no 1e30
        signed = stored.dtype.kind in "if"
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


@dataclass(frozen=True, slots=True)
class Reading:
    """How a folder's label files are read, which of its files they are, and what may be doubted."""

    coding: Coding
    files: Sequence[Path]
    remark: str = ""


def find_reading(folder: Path, table: str | None, files: Sequence[Path]) -> Reading:
    """Return the coding that `table` names or, without one, that lies with the label files.

    Some of the files are looked into: where their numbers give away that they are numbered
    otherwise, this is told or refused.

    Parameters
    ----------
    folder : Path
        Where the label files are; ``classes.toml`` or ``classes.txt`` is looked for in it, then
        in the folder above.
    table : str, optional
        Name of a built-in table, perhaps with the numbering of its files as
        :mod:`semsig.segment.numberings` has them (``ade20k`` means ADE20K's own annotations, 0 =
        unlabelled; ``ade20k-mmseg`` mmsegmentation's, 0 = wall), or path of a .toml or .txt file.
    files : sequence of Path
        The files, sorted.

    Raises
    ------
    SegmenterError
        If there is no such table, it cannot be read, or the files speak against it.
    """
    name, numbering = split_name(table or "")
    if name in NUMBERINGS:
        return _by_numbering(name, numbering, files)
    coding = _table_of(folder, table)
    numbers = numbers_in(sampled(files))
    if coding.counts_from_0 and (reason := shifted(coding.classes, numbers)):
        raise SegmenterError(reason)
    remark = scaled(coding.classes, numbers) if coding.counts_from_0 else ""
    return Reading(coding, files, remark)


def _by_numbering(table: str, named: Numbering | None, files: Sequence[Path]) -> Reading:
    stems = [path.stem for path in files]
    marks = marks_of(table, stems)
    read = {named.mark} & marks if named else marks
    if len(read) == 1:
        (mark,) = read
        files = [path for path in files if is_map_of(path.stem, mark, marks)]
    numbering, remark = choose(table, named, marks, numbers_in(sampled(files)))
    return Reading(_numbered(ClassTable.builtin(table), numbering), files, remark)


def _table_of(folder: Path, table: str | None) -> Coding:
    if table in builtin_tables():
        return _by_position(ClassTable.builtin(table))
    if table is not None:
        path = Path(table).expanduser()
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
