"""Class tables as annotation tools write them: one strict grammar per format.

Reading a number as the wrong class is worse than refusing a file, so nothing is guessed: all lines
of a file must have the same format, and the first that does not is named in the error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from semsig.classes import MAX_CLASSES, Color
from semsig.durable import read_regular
from semsig.errors import ClassTableError

Line = tuple[int, str]
"""Number of a line in the file, from 1, and its text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One class of a file: its stored number, its name and, if given, its colour."""

    number: int
    name: str
    color: Color | None = None


_COMMENT = re.compile(r"#|//")
_NUMBER = r"[0-9]{1,9}"
_GAP = r"(?:\s*[,;\t]\s*|\s+)"
_NAME = r"(?P<name>[^\W\d_][^,;\t:=|]*|_[^,;\t:=|]*|[0-9]+[^\W\d][^,;\t:=|]*)"
_COLOR = rf"(?P<r>{_NUMBER}){_GAP}(?P<g>{_NUMBER}){_GAP}(?P<b>{_NUMBER})"
_ID = rf"(?P<id>{_NUMBER})"

_FORMATS = {
    "id name r g b": rf"{_ID}{_GAP}{_NAME}{_GAP}{_COLOR}",
    "id r g b name": rf"{_ID}{_GAP}{_COLOR}{_GAP}{_NAME}",
    "r g b name": rf"{_COLOR}{_GAP}{_NAME}",
    "name r g b": rf"{_NAME}{_GAP}{_COLOR}",
    "name:r,g,b:parts:actions": r"(?P<name>[^:]+):(?P<r>[0-9]+),(?P<g>[0-9]+),(?P<b>[0-9]+)"
    r":[^:]*:[^:]*",
    "id name": rf"{_ID}(?:\s*[:,;=\t]\s*|\s+){_NAME}",
    "name": _NAME,
}
_ENDS_IN_NUMBER = re.compile(r".*\s[0-9]+", re.DOTALL)

_COLUMNS = {
    "id": {"id", "pixelvalue", "pixel", "value", "index", "idx", "number", "classid", "labelid"},
    "name": {"name", "classname", "labelname", "names"},
    "either": {"class", "label", "classes", "labels", "category"},
    "r": {"r", "red"},
    "g": {"g", "green"},
    "b": {"b", "blue"},
}


def read_entries(path: Path) -> list[Entry]:
    """Read a class table of lines: plain names, numbered, coloured, CVAT's, CamVid's or CSV.

    Raises
    ------
    ClassTableError
        If the lines do not all have one format; the message names the first that differs.
    OSError
        If the file cannot be read.
    """
    lines = [(n, text.strip()) for n, text in enumerate(_split(path), 1)]
    while lines and not lines[-1][1]:
        lines.pop()
    kept = [line for line in lines if line[1] and not _COMMENT.match(line[1])]
    if not kept:
        raise ClassTableError("expected a class on each line, got none")
    columns = _header(kept[0][1])
    if columns:
        entries = [_row(line, columns) for line in kept[1:]]
        by_number = "id" in columns
    else:
        entries, by_number = _by_one_format(kept)
    if not by_number:
        _refuse_gaps(lines, kept)
        entries = _count(entries)
    return _checked(entries, kept[1:] if columns else kept)


def _split(path: Path) -> list[str]:
    content = read_regular(path)
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # Notepad's "Unicode"
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ClassTableError(f"expected text in UTF-8, got {error}; save it as UTF-8") from error
    return re.split(r"\r\n|\r|\n", text)


def _by_one_format(lines: Sequence[Line]) -> tuple[list[Entry], bool]:
    best, failed = "", -1
    for name, pattern in _FORMATS.items():
        matches = [_match(pattern, text, name) for _, text in lines]
        if all(matches):
            return [_entry(match) for match in matches if match], "id" in name.split()
        first = next(place for place, match in enumerate(matches) if not match)
        if first > failed:
            best, failed = name, first
    number, text = lines[failed]
    known = ", ".join(map(repr, _FORMATS))
    raise ClassTableError(
        f"line {number}, {text!r}, is not of the form {best!r} as the lines before it are; "
        f"expected one of {known} throughout (no name with signs such as , ; : or a number at its "
        "start or end; write those in classes.toml)"
        if failed
        else f"line {number}, {text!r}, is of none of the forms {known}; "
        "write names with signs or numbers of their own in classes.toml"
    )


def _match(pattern: str, text: str, format_: str) -> re.Match[str] | None:
    match = re.fullmatch(pattern, text)
    if match is None:
        return None
    name = match["name"].strip()
    unclear = format_ in ("name", "id name") and _ENDS_IN_NUMBER.fullmatch(name)
    plain = format_ in ("name", "id name") and re.search(r"[\[\]{}\"]", name)
    starts = re.match(r"[0-9]+\s", name)
    return None if unclear or plain or starts else match


def _entry(match: re.Match[str]) -> Entry:
    groups = match.groupdict()
    color = (int(groups["r"]), int(groups["g"]), int(groups["b"])) if "r" in groups else None
    return Entry(int(groups.get("id", -1)), " ".join(groups["name"].split()), color)


def _cells(text: str) -> list[str]:
    sign = next((sign for sign in ",;\t" if sign in text), None)
    return [cell.strip().strip('"').strip() for cell in text.split(sign)]


def _header(text: str) -> dict[str, int]:
    """Return the position of each column named in a first line; empty if it is not a header."""
    cells = [re.sub(r"[\W_]", "", cell.casefold()) for cell in _cells(text)]
    kinds = [next((kind for kind, of in _COLUMNS.items() if cell in of), "") for cell in cells]
    if not all(kinds) or len(cells) < 1:
        return {}
    if "either" in kinds:
        meant = "id" if "name" in kinds else "name"
        kinds = [meant if kind == "either" else kind for kind in kinds]
    columns = {kind: place for place, kind in enumerate(kinds)}
    colors = len({"r", "g", "b"} & set(columns))
    if len(columns) != len(kinds) or "name" not in columns or colors not in (0, 3):
        raise ClassTableError(
            f"expected a header with one name, at most one number and all or none of r, g, b; "
            f"got {text!r}"
        )
    return columns


def _row(line: Line, columns: dict[str, int]) -> Entry:
    at, text = line
    cells = _cells(text)
    if len(cells) != len(columns):
        raise ClassTableError(f"line {at}, {text!r}, does not have the header's columns")
    found = {kind: cells[place] for kind, place in columns.items()}
    name = found.pop("name")
    if not all(re.fullmatch(_NUMBER, cell) for cell in found.values()):
        raise ClassTableError(f"line {at}, {text!r}, does not have the header's columns")
    numbers = {kind: int(cell) for kind, cell in found.items()}
    color = (numbers["r"], numbers["g"], numbers["b"]) if "r" in numbers else None
    return Entry(numbers.get("id", -1), name, color)


def _refuse_gaps(lines: Sequence[Line], kept: Sequence[Line]) -> None:
    """Refuse lines between classes that are numbered only by their order."""
    taken = {number for number, _ in kept}
    for number, text in lines[: kept[-1][0]]:
        blank_before = not text and number < kept[0][0]
        if number not in taken and (blank_before or number > kept[0][0]):
            raise ClassTableError(
                f"line {number}, {text!r}, stands before or among classes that are numbered by "
                "order; take it out, or write void for a number without a class"
            )


def _count(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries numbered by their order from 0, or from -1 if labelme's __ignore__ leads."""
    first = -1 if entries and entries[0].name == "__ignore__" else 0
    counted = [Entry(n, entry.name, entry.color) for n, entry in enumerate(entries, first)]
    return counted[-first:]


def _checked(entries: list[Entry], lines: Sequence[Line]) -> list[Entry]:
    reasons: tuple[tuple[Callable[[Entry], bool], str], ...] = (
        (lambda entry: not entry.name, "has no name"),
        (lambda entry: entry.number > MAX_CLASSES, f"has a number above {MAX_CLASSES:,}"),
        (lambda entry: max(entry.color or (0,)) > 255, "has a colour above 255"),
    )
    for entry, (number, text) in zip(entries, lines[len(lines) - len(entries) :], strict=True):
        for wrong, reason in reasons:
            if wrong(entry):
                raise ClassTableError(f"line {number}, {text!r}, {reason}")
    return entries
