"""Descriptions of benchmarks: facts in TOML."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from semsig.datasets.class_folders import of_class_folders
from semsig.datasets.dataset import Dataset
from semsig.datasets.folder_layouts import letters
from semsig.datasets.folders import named_like
from semsig.datasets.landmarks import LandmarkDataset
from semsig.datasets.parsing import read_description
from semsig.documents import Entries, parse_toml
from semsig.durable import read_regular
from semsig.errors import DatasetError


def dataset_names() -> tuple[str, ...]:
    """Names of the datasets that semsig describes."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def find_folder(name: str, root: Path | str) -> Path | None:
    """Return the folder in `root` that has one of a dataset's names, or `root` itself; else None.

    Raises
    ------
    DatasetError
        If there is no such dataset, or `root` cannot be listed as a folder.
    """
    dataset = load_dataset(name)
    return named_like((dataset.name, *dataset.names), root)


def load_dataset(name: str | Path, protocol: str | None = None) -> Dataset:
    """Return a dataset by name, from a TOML file, or of a folder of class folders.

    Parameters
    ----------
    name : str or Path
        A name of :func:`dataset_names` or another one that it goes by, such as ``Corel-1K``; a
        TOML file; or a folder with a folder of photos for each class.
    protocol : str, optional
        Of a dataset that has several: ``"easy"``, ``"medium"`` or ``"hard"``.

    Raises
    ------
    DatasetError
        If there is no such dataset or protocol; or if the file does not describe one, where the
        message lists all that is wrong.
    """
    found = _load(name)
    if protocol is None:
        return found
    if not isinstance(found, LandmarkDataset):
        raise DatasetError(
            f"Expected no protocol for {found.name}, which has one; got {protocol!r}."
        )
    return replace(found, protocol=protocol)


def _load(name: str | Path) -> Dataset:
    if not isinstance(name, str | Path):
        raise DatasetError(f"Expected a dataset's name, file or folder, got {name!r}.")
    path = Path(name)
    if path.suffix == ".toml":
        return read_description(path)
    known = _name_of(str(name))
    if known is not None:
        return read_description(_folder() / f"{known}.toml")
    if name and path.is_dir():
        return of_class_folders(path)
    raise DatasetError(
        f"Expected a dataset, a TOML file or a folder of class folders, got {str(name)!r}; "
        f"the datasets are {', '.join(dataset_names())}."
    )


def _name_of(name: str) -> str | None:
    """Return the name of the dataset that goes by `name`; its own names come before others."""
    known = dataset_names()
    if name in known:
        return name
    also = [(one, alias) for one in known for alias in _other_names(one)]
    for one, alias in [*zip(known, known, strict=True), *also]:
        if letters(alias) == letters(name) != "":
            return one
    return None


@cache
def _other_names(name: str) -> tuple[str, ...]:
    facts = Entries(parse_toml(read_regular(_folder() / f"{name}.toml")), "a description")
    return facts.texts("names", ())


@cache
def _folder() -> Path:
    """Return the folder of descriptions: in the installed package, or in the source tree."""
    here = Path(__file__).parent
    return next(d for d in (here, here.parents[1] / "datasets") if any(d.glob("*.toml")))
