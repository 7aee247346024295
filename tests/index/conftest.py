from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.index import HammingIndex
from semsig.types import SbsSchema, SbsSignature

Make = Callable[[int], SbsSignature]


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a power cut tells fsync from nothing; processes that tests start do call it."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def schema() -> SbsSchema:
    return SbsSchema(2, ClassTable(["sky", "sea", "sand"], name="beach"))


@pytest.fixture(scope="session")
def make(schema: SbsSchema) -> Make:
    """Make the signature of a seed: any seed, the same signature each time."""

    def signature(seed: int) -> SbsSignature:
        rng = np.random.default_rng(seed)
        level = rng.choice(5, schema.n_cells, p=[0.6, 0.1, 0.1, 0.1, 0.1])
        cell = np.flatnonzero(level)
        return SbsSignature(cell * 4 + level[cell] - 1, schema)

    return signature


@pytest.fixture
def index_in_memory(schema, make) -> HammingIndex:
    """Ids 0 to 11 without 1 and 9; payloads name the seeds, which are the ids."""
    index = HammingIndex(schema, meta={"made": "by a test"})
    fill(index, make)
    return index


@pytest.fixture(scope="session")
def stored_once(tmp_path_factory, schema, make) -> Path:
    path = tmp_path_factory.mktemp("once") / "index"
    HammingIndex(schema, meta={"made": "by a test"}).save(path)
    fill(HammingIndex.open(path), make)
    return path


@pytest.fixture
def stored(tmp_path, stored_once) -> HammingIndex:
    """The same on disk, in three segments."""
    shutil.copytree(stored_once, tmp_path / "index")
    return HammingIndex.open(tmp_path / "index")


def fill(index: HammingIndex, make: Make) -> None:
    for seeds in (range(7), range(7, 10), range(10, 12)):
        index.add([make(seed) for seed in seeds], payloads=[f"seed {seed}" for seed in seeds])
    index.remove([1, 9])
