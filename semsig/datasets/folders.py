"""Folders of photos: finding one by a benchmark's name, and listing its files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from semsig.datasets.folder_layouts import letters
from semsig.errors import DatasetError, ImageError
from semsig.photo.image_files import image_paths

_BESIDE = r"dataset|database|data|images?|imgs?|photos?|master|main|test|set|the|jpe?g|png|bmp"
"""Words that people add to a dataset's name."""


def named_like(names: Iterable[str], root: Path | str) -> Path | None:
    """Return the folder in `root` that has one of a dataset's names; `root` itself may be it.

    Case, blanks and punctuation are ignored, and words such as ``dataset``: ``Corel-10K images`` is
    ``corel_10k``. The first name that any folder has wins.

    Raises
    ------
    DatasetError
        If `root` cannot be listed as a folder.
    """
    root = Path(root)
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError as error:
        raise DatasetError(f"{root} cannot be listed: {error.strerror}") from error
    wanted = [letters(name) for name in names]
    for among in (folders, [root.absolute()]):
        for spelled in (letters, _plain):
            found = [path for like in wanted for path in among if spelled(path.name) == like]
            if found:
                return found[0]
    return None


def _plain(name: str) -> str:
    """Return the letters of a name without such added words."""
    words = re.split(r"[\W_]+", name.casefold())
    return "".join(word for word in words if not re.fullmatch(_BESIDE, word))


def files_below(root: Path) -> list[str]:
    """Return the image files below a folder, relative to it; DatasetError if it cannot be read."""
    try:
        return [path.relative_to(root).as_posix() for path in image_paths(root)]
    except ImageError as error:
        raise DatasetError(f"Expected a folder of photos: {error}") from error
