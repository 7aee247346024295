"""Descriptions of benchmarks: facts in TOML."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from semsig.datasets.class_folders import of_class_folders
from semsig.datasets.dataset import Dataset
from semsig.datasets.parsing import read_description
from semsig.errors import DatasetError


def dataset_names() -> tuple[str, ...]:
    """Names of the datasets that semsig describes."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def load_dataset(name: str | Path) -> Dataset:
    """Return a dataset by name, from a TOML file of one's own, or of a folder of class folders.

    Parameters
    ----------
    name : str or Path
        A name of :func:`dataset_names`; a TOML file; or a folder with a folder of photos for
        each class, which needs no description.

    Raises
    ------
    DatasetError
        If there is no such dataset; or if the file does not describe one, where the message
        lists all that is wrong.
    """
    if not isinstance(name, str | Path):
        raise DatasetError(f"Expected a dataset's name, file or folder, got {name!r}.")
    path = Path(name)
    if path.suffix != ".toml":
        if name in dataset_names():
            return read_description(_folder() / f"{name}.toml")
        if name and path.is_dir():
            return of_class_folders(path)
        known = ", ".join(dataset_names())
        raise DatasetError(
            f"Expected a dataset, a TOML file or a folder of class folders, got {str(name)!r}; "
            f"the datasets are {known}."
        )
    return read_description(path)


@cache
def _folder() -> Path:
    """Return the folder of descriptions: this one once installed, else that of the checkout."""
    here = Path(__file__).parent
    return next(d for d in (here, here.parents[1] / "datasets") if any(d.glob("*.toml")))
