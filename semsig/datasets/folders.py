"""Folders of photos: by a benchmark's name, and what lies below one."""

from __future__ import annotations

from pathlib import Path

from semsig.datasets.folder_layouts import letters
from semsig.errors import DatasetError, ImageError
from semsig.photo.image_files import image_paths


def find_folder(name: str, root: Path | str) -> Path | None:
    """Return the folder below `root` that is named like a dataset; None without one.

    Case, blanks and signs do not count: ``Corel-10K`` is ``corel_10k``. MSRC v1 is part of v2,
    whose folder will do.

    Raises
    ------
    DatasetError
        If `root` is no folder that can be listed.
    """
    try:
        folders = sorted(path for path in Path(root).iterdir() if path.is_dir())
    except OSError as error:
        raise DatasetError(f"{root} cannot be listed: {error.strerror}") from error
    wanted = [letters(name)] + ([letters("msrc_v2")] if name == "msrc_v1" else [])
    found = [path for like in wanted for path in folders if letters(path.name) == like]
    return found[0] if found else None


def files_below(root: Path) -> list[str]:
    """Return the image files below a folder, relative to it; DatasetError if it is none."""
    try:
        return [path.relative_to(root).as_posix() for path in image_paths(root)]
    except ImageError as error:
        raise DatasetError(f"Expected a folder of photos: {error}") from error
