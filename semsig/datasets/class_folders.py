"""A folder with a folder of photos for each class, as a dataset that needs no description."""

from __future__ import annotations

import re
from pathlib import Path

from semsig.datasets.dataset import Dataset
from semsig.datasets.folder_layouts import Content, Layout
from semsig.datasets.folders import files_below
from semsig.errors import DatasetError
from semsig.photo.formats import SUFFIXES

KINDS = "|".join(sorted(re.escape(suffix) for suffix in SUFFIXES))

CLASS_FOLDERS = rf"(?P<class>[^/]+)/(?P<file>[^/]+(?:{KINDS}))"
"""Pattern of the photos in class folders."""


def of_class_folders(root: Path | str) -> Dataset:
    """Return the dataset of a folder whose folders are classes.

    All photos are searched and each is a query; its class is relevant; R is its class's size.

    Raises
    ------
    DatasetError
        If there are photos in fewer than two folders, or the folder cannot be listed.
    """
    root = Path(root)
    files = [file.split("/") for file in files_below(root)]
    classes = sorted({parts[0] for parts in files if len(parts) == 2})
    if len(classes) < 2:
        raise DatasetError(
            f"Expected a folder of class folders, two at least with photos in each, got {root} "
            f"with {len(files):,} photos in {len(classes)}; put the photos of each class in a "
            "folder of its name, or describe the dataset in TOML (docs/datasets.md)."
        )
    content = Content(splits={"": (0,) * len(classes)}, classes=tuple(classes))
    layout = Layout.make("class folders", CLASS_FOLDERS)
    return Dataset(
        name=root.resolve().name,
        title=root.resolve().name,
        reference="",
        licence="",
        source=str(root),
        mode="query-in-ground-truth",
        cutoff=None,
        content=content,
        layouts=(layout,),
    )
