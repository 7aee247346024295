"""Class tables: which label number means which class, and how it is coloured."""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from semsig.documents import Entries, items, parse_toml, whole
from semsig.durable import read_regular
from semsig.errors import ClassTableError

Color = tuple[int, int, int]

MAX_CLASSES = 65_535
"""Most classes a table can hold: labels are at most uint16 and its last value is void."""

_TABLES = Path(__file__).parent / "tables"


@dataclass(frozen=True, init=False)
class ClassTable:
    """An ordered list of class names; a label is an index into it.

    Parameters
    ----------
    names : iterable of str
        Distinct, non-empty names of one line; 1 to 65,535 of them.
    name : str
        Name of the table itself, for messages and headers.
    palette : iterable of (int, int, int), optional
        One RGB colour (0..255) per class. Well-separated hues by default.

    Raises
    ------
    ClassTableError
        If names are empty, repeated or too many, or the palette does not fit.
    """

    name: str
    names: tuple[str, ...]
    palette: tuple[Color, ...]

    def __init__(
        self,
        names: Iterable[str],
        *,
        name: str = "custom",
        palette: Iterable[Iterable[int]] | None = None,
    ) -> None:
        if not isinstance(names, Iterable) or not isinstance(palette, Iterable | None):
            raise ClassTableError("Expected lists of names and, perhaps, of colours.")
        names = tuple(names)
        colors = _spread_hues(len(names)) if palette is None else tuple(map(_as_color, palette))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "palette", colors)
        self._validate()

    def _validate(self) -> None:
        if not 1 <= len(self.names) <= MAX_CLASSES:
            raise ClassTableError(
                f"A class table holds 1 to {MAX_CLASSES:,} classes, got {len(self.names):,}."
            )
        if any(not isinstance(n, str) or not n.strip() or "\n" in n for n in self.names):
            raise ClassTableError("Every class needs a name: one line of text, not empty.")
        if any(not _is_unicode(n) for n in (*self.names, self.name)):
            raise ClassTableError("Expected names that UTF-8 can write; got half a character pair.")
        if len(set(self.names)) != len(self.names):
            twice = next(n for n in self.names if self.names.count(n) > 1)
            raise ClassTableError(f"Class names must be distinct; {twice!r} occurs twice.")
        if len(self.palette) != len(self.names):
            raise ClassTableError(
                f"The palette of {self.name!r} has {len(self.palette)} colours for "
                f"{len(self.names)} classes; give one RGB triple per class."
            )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def dtype(self) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
        """Label dtype: uint8 up to 255 classes, uint16 above."""
        return np.dtype(np.uint8) if len(self) <= 255 else np.dtype(np.uint16)

    @property
    def void(self) -> int:
        """Label of pixels without a class: 255 for uint8 tables, 65,535 for uint16 ones."""
        return int(np.iinfo(self.dtype).max)

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 over the ordered names; colours and the table's name do not count."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """Return the label of the class `name`.

        Raises
        ------
        ClassTableError
            If the table has no such class.
        """
        try:
            return self._numbers[name]
        except KeyError:
            known = ", ".join(self.names[:12]) + (", ..." if len(self) > 12 else "")
            raise ClassTableError(
                f"Table {self.name!r} has no class {name!r}; it has {known}"
            ) from None

    def colors(self, void: Color = (0, 0, 0)) -> NDArray[np.uint8]:
        """Return a look-up array, shape (void + 1, 3) uint8: ``colors()[labels]`` is a picture."""
        lut = np.zeros((self.void + 1, 3), np.uint8)
        lut[: len(self)] = self.palette
        lut[self.void] = void
        return lut

    @classmethod
    def builtin(cls, name: str) -> ClassTable:
        """Return a table that semsig ships; see :func:`builtin_tables` for the names.

        Raises
        ------
        ClassTableError
            If there is no built-in table `name`.
        """
        path = _TABLES / f"{name}.toml"
        if not isinstance(name, str) or name not in builtin_tables():
            raise ClassTableError(
                f"No built-in class table {name!r}; there are {', '.join(builtin_tables())}."
            )
        return cls.from_toml(path)

    @classmethod
    def from_entries(cls, entries: Entries, *, names: str = "names", name: str = "name") -> Self:
        """Read a table from a document: names, the table's name and, optionally, ``palette``.

        Raises
        ------
        ValueError, ClassTableError
            If the entries under the keys `names` and `name` are malformed.
        """
        return cls(
            entries.texts(names), name=entries.text(name), palette=_palette(entries, "palette")
        )

    @classmethod
    def from_toml(cls, path: Path) -> ClassTable:
        """Read a table from TOML with keys ``name``, ``names`` and, optionally, ``palette``.

        Raises
        ------
        ClassTableError
            If the file cannot be read as such a table.
        """
        try:
            return cls.from_entries(Entries(parse_toml(read_regular(path))))
        except (OSError, ValueError, ClassTableError) as error:
            raise ClassTableError(f"{path} is not a class table in TOML: {error}") from error

    @classmethod
    def from_lines(cls, path: Path) -> ClassTable:
        """Read a table from a text file, one class name per line, label = line number from 0.

        Raises
        ------
        ClassTableError
            If the file cannot be read as such a table.
        """
        try:
            lines = read_regular(path).decode().rstrip().splitlines()
            return cls([line.strip() for line in lines], name=path.parent.name)
        except (OSError, UnicodeDecodeError, ClassTableError) as error:
            raise ClassTableError(f"{path} is not a list of class names: {error}") from error


def builtin_tables() -> tuple[str, ...]:
    """Names of the class tables that semsig ships."""
    return tuple(sorted(path.stem for path in _TABLES.glob("*.toml")))


def _palette(entries: Entries, key: str) -> list[list[int]] | None:
    """Return the colours of a document, if it gives any."""
    if entries.value(key, None) is None:
        return None
    colors = items(entries.value(key), key)
    return [[whole(c, key, 0, 255) for c in items(color, key)] for color in colors]


def _as_color(color: Iterable[int]) -> Color:
    try:
        channels = tuple(int(c) for c in color)
    except (TypeError, ValueError):
        raise ClassTableError(f"A colour is three numbers from 0 to 255, got {color!r}.") from None
    if len(channels) != 3 or not all(0 <= c <= 255 for c in channels):
        raise ClassTableError(f"A colour is three numbers from 0 to 255, got {channels}.")
    return channels[0], channels[1], channels[2]


def _is_unicode(name: object) -> bool:
    """Tell whether a text can be written as UTF-8."""
    try:
        str(name).encode()
    except UnicodeEncodeError:
        return False
    return True


def _spread_hues(count: int) -> tuple[Color, ...]:
    """Colours that differ from their neighbours: golden-ratio hues, alternating brightness."""
    golden = 0.618033988749895
    hues = ((i * golden) % 1.0 for i in range(count))
    shades = ((0.62, 0.90), (0.80, 0.65), (0.40, 0.98))
    rgb = (colorsys.hsv_to_rgb(h, *shades[i % 3]) for i, h in enumerate(hues))
    return tuple((round(r * 255), round(g * 255), round(b * 255)) for r, g, b in rgb)
