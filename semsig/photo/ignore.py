"""Ignore files: patterns of what to leave out of a folder, in the syntax of .gitignore."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from semsig.durable import read_regular
from semsig.errors import ImageError

IGNORE_FILE = ".semsigignore"
"""An ignore file in the syntax of .gitignore, for its folder and all folders below."""


class Patterns:
    """The patterns of a folder's ignore file."""

    def __init__(self, folder: Path, lines: Sequence[str]) -> None:
        from pathspec import GitIgnoreSpec, PathSpec

        self._folder = folder
        self._files = GitIgnoreSpec.from_lines(lines)
        self._folders = PathSpec.from_lines("gitignore", lines)  # the last that matches decides

    def says(self, path: Path, is_folder: bool) -> bool | None:
        """Tell whether a file or folder is left out; None if no pattern matches it."""
        name = path.relative_to(self._folder).as_posix()
        if is_folder:
            return self._folders.check_file(f"{name}/").include
        return self._files.check_file(name).include


def patterns_of(folder: Path) -> Iterator[Patterns]:
    """Yield the patterns of a folder's ignore file, if it has one; ImageError if it is not text."""
    file = folder / IGNORE_FILE
    if not file.is_file():
        return
    try:
        yield Patterns(folder, read_regular(file).decode("utf-8-sig").splitlines())
    except (OSError, ValueError) as error:
        raise ImageError(
            f"Expected patterns as in a .gitignore in {file}, got: {error}",
            reason="unreadable",
        ) from error
