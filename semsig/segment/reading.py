"""How a folder of label files is read: with which table, and in which of its numberings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semsig.classes import ClassTable, builtin_tables
from semsig.durable import without_tilde
from semsig.errors import ClassTableError, SegmenterError
from semsig.segment.class_lines import Entry, read_entries
from semsig.segment.coding import Coding
from semsig.segment.evidence import choose, numbers_in, sampled, scaled, shifted
from semsig.segment.numberings import NUMBERINGS, Numbering, is_map_of, marks_of, split_name

TABLE_FILES = (
    "classes.toml",
    "classes.txt",
    "labelmap.txt",  # CVAT
    "_classes.csv",  # Roboflow
    "class_names.txt",  # labelme
    "label_colors.txt",  # CamVid
)
"""Class tables that are looked for beside the label maps; the first one found is used."""

VOID = "void"
"""A class of this name in a ``classes.txt`` means "no class" and is left out of the table."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a folder's label files are read, which files they are, and what is uncertain."""

    coding: Coding
    files: Sequence[Path]
    remark: str = ""


def find_reading(folder: Path, table: str | None, files: Sequence[Path]) -> Reading:
    """Return the coding that `table` names or, without one, that is stored with the label files.

    A sample of the files is read: where their numbers show another numbering, this is reported or
    refused.

    Parameters
    ----------
    folder : Path
        Where the label files are; one of :data:`TABLE_FILES` is looked for there, then in the
        parent folder.
    table : str, optional
        Name of a built-in table, optionally with one of the numberings listed in
        :mod:`semsig.segment.numberings` (``ade20k`` means ADE20K's own annotations, 0 =
        unlabelled; ``ade20k-mmseg`` mmsegmentation's, 0 = wall), or path of a .toml or .txt file.
    files : sequence of Path
        The files, sorted.

    Raises
    ------
    SegmenterError
        If there is no such table, it cannot be read, or the files contradict it.
    """
    spelled = (table or "").casefold().replace("_", "-")  # as built-in tables are spelled
    if spelled in builtin_tables() or split_name(spelled)[1]:
        table = spelled
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
        path = without_tilde(table)
        if not path.is_file():
            raise SegmenterError(
                f"{table!r} is neither a file nor one of the built-in class tables "
                f"{', '.join(builtin_tables())}."
            )
        return read_coding(path)
    for place in (folder, folder.parent):
        for name in TABLE_FILES:
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
