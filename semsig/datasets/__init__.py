"""Benchmarks described in TOML, and finding their photos in a folder."""

from __future__ import annotations

from semsig.datasets.dataset import Dataset
from semsig.datasets.descriptions import dataset_names, find_folder, load_dataset
from semsig.datasets.own import OwnDataset, own_dataset
from semsig.datasets.photos import Mode, Photos

__all__ = [
    "Dataset",
    "Mode",
    "OwnDataset",
    "Photos",
    "dataset_names",
    "find_folder",
    "load_dataset",
    "own_dataset",
]
