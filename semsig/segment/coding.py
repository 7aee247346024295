"""How label files on disk number their classes, and the table those numbers turn into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.classes import MAX_CLASSES, ClassTable, Color, builtin_tables
from semsig.errors import ClassTableError, LabelMapError, SegmenterError
from semsig.types import LabelMap

_UNKNOWN = MAX_CLASSES + 1

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
    void_colors: tuple[Color, ...] = ((0, 0, 0),)

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
        labels = self._lookup()[np.clip(stored.astype(np.int64), -1, _UNKNOWN)]
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
        Name of a built-in table, or path of a .toml or .txt file.

    Raises
    ------
    SegmenterError
        If there is no such table, or it cannot be read.
    """
    if table in builtin_tables():
        return _by_position(ClassTable.builtin(str(table)))
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
    """Read ``classes.toml``, or ``classes.txt`` with ``name`` or ``id name r g b`` on each line.

    Raises
    ------
    SegmenterError
        If the file is neither.
    """
    try:
        if path.suffix == ".toml":
            return _by_position(ClassTable.from_toml(path))
        lines = [line.split() for line in path.read_text("utf-8").splitlines() if line.strip()]
        if lines and all(_is_numbered(line) for line in lines):
            return _numbered(lines, path.parent.name)
        return _listed([" ".join(line) for line in lines], path.parent.name)
    except (OSError, UnicodeDecodeError, ClassTableError) as error:
        raise SegmenterError(f"{path} is no class table: {error}") from error


def _by_position(classes: ClassTable) -> Coding:
    return Coding(classes, {number: number for number in range(len(classes))})


def _listed(names: list[str], table: str) -> Coding:
    kept = [number for number, name in enumerate(names) if name != VOID]
    classes = ClassTable([names[number] for number in kept], name=table)
    return Coding(classes, _labels_of(kept, range(len(names)), classes))


def _is_numbered(line: list[str]) -> bool:
    return len(line) >= 5 and all(line[i].isdecimal() for i in (0, -3, -2, -1))


def _numbered(lines: list[list[str]], table: str) -> Coding:
    for line in lines:
        if int(line[0]) > MAX_CLASSES:
            raise ClassTableError(f"numbers end at {MAX_CLASSES:,}; {' '.join(line)!r} came")
    entries = [(int(id_), " ".join(name), (int(r), int(g), int(b)))
               for id_, *name, r, g, b in lines]  # fmt: skip
    kept = [entry for entry in entries if entry[1] != VOID]
    palette = [color for _, _, color in kept]
    classes = ClassTable([name for _, name, _ in kept], name=table, palette=palette)
    numbers = _labels_of([id_ for id_, _, _ in kept], [id_ for id_, _, _ in entries], classes)
    void_colors = tuple(color for _, name, color in entries if name == VOID)
    return Coding(classes, numbers, void_colors)


def _labels_of(kept: list[int], stored: range | list[int], classes: ClassTable) -> dict[int, int]:
    if len(set(stored)) != len(stored):
        raise ClassTableError("a number comes twice")
    labels = {number: label for label, number in enumerate(kept)}
    return {number: labels.get(number, classes.void) for number in stored}
