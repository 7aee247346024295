"""Tables of labels, and the photos that they name."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from semsig.datasets.trec import token
from semsig.durable import open_regular
from semsig.errors import DatasetError

_FILE = ("file", "path", "photo", "image", "filename")
_LABELS = ("label", "labels", "class", "classes", "category", "tag", "tags")


def read_labels(path: Path) -> dict[str, set[str]]:
    """Read a CSV of labels; see :func:`own_dataset`.

    Returns
    -------
    dict of str to set of str
        Labels of each file, as it is named there.

    Raises
    ------
    DatasetError
        If it cannot be read, or has no such columns.
    """
    try:
        with io.TextIOWrapper(open_regular(path), "utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    header = list(rows[0]) if rows else []
    names = {(name or "").strip().casefold(): name for name in header}
    file_column = next((names[name] for name in _FILE if name in names), None)
    label_column = next((names[name] for name in _LABELS if name in names), None)
    if file_column is None or label_column is None:
        raise DatasetError(
            f"Expected rows below a header with columns file and label in {path}, got "
            f"{', '.join(map(str, header)) or 'none'}. Add a first line such as: file,label"
        )
    found: dict[str, set[str]] = {}
    for row in rows:
        labels = (label.strip() for label in (row[label_column] or "").split(";"))
        found.setdefault((row[file_column] or "").strip(), set()).update(filter(None, labels))
    return found


_NAMINGS: tuple[Callable[[Path], str], ...] = (
    lambda path: path.as_posix(),
    lambda path: path.with_suffix("").as_posix(),
    lambda path: path.name,
    lambda path: path.stem,
)
"""Ways to name a photo; an earlier one takes precedence."""


class PhotoNames:
    """Photos by what files call them: path from their folder, without suffix, or file name.

    A name that fits several photos is ignored.

    Parameters
    ----------
    paths : sequence of Path
        The photos, numbered from `first`.
    root : Path
        Their folder.
    first : int
        Number of the first.
    """

    def __init__(self, paths: Sequence[Path], root: Path, *, first: int = 0) -> None:
        self._next = first
        self._numbers: dict[str, int | None] = {}
        self.add(paths, root)

    def add(self, paths: Sequence[Path], root: Path) -> None:
        """Add photos of another folder, numbered on."""
        relative = [path.relative_to(root) for path in paths]
        for naming in _NAMINGS:
            new: dict[str, int | None] = {}
            for number, path in enumerate(relative, start=self._next):
                for name in {naming(path), token(naming(path))}:
                    new[name] = None if name in new else number
            self._numbers = new | self._numbers
        self._next += len(relative)

    def find(self, name: str) -> int | None:
        """Return a photo's number; None if the name fits no photo, or several."""
        return self._numbers.get(name)
