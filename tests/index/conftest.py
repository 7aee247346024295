from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semsig.classes import ClassTable
from semsig.index import HammingIndex, L2Index
from semsig.types import SbovpSignature, SbsSchema, SbsSignature
from tests.index.histograms import schema_of

Make = Callable[[int], Any]
"""Makes the signature of a seed: any seed, the same signature each time."""

META = {"made": "by a test"}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """An index class, a schema for it, and signatures of that schema."""

    index: type[HammingIndex] | type[L2Index]
    schema: Any
    make: Make


def sbs_kind() -> Kind:
    schema = SbsSchema(2, ClassTable(["sky", "sea", "sand"], name="beach"))

    def make(seed: int) -> SbsSignature:
        rng = np.random.default_rng(seed)
        level = rng.choice(5, schema.n_cells, p=[0.6, 0.1, 0.1, 0.1, 0.1])
        cell = np.flatnonzero(level)
        return SbsSignature(cell * 4 + level[cell] - 1, schema)

    return Kind(index=HammingIndex, schema=schema, make=make)


def sbovp_kind() -> Kind:
    schema = schema_of("sqrt")

    def make(seed: int) -> SbovpSignature:
        rng = np.random.default_rng(seed)
        counts = rng.choice([0, 1, 2, 300], schema.n_columns, p=[0.5, 0.3, 0.1, 0.1])
        columns = np.flatnonzero(counts)
        return SbovpSignature(columns, counts[columns], schema)

    return Kind(index=L2Index, schema=schema, make=make)


KINDS = {"sbs": sbs_kind(), "sbovp": sbovp_kind()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the modules that say so for every kind of signature; others see SBS only."""
    if getattr(metafunc.module, "EVERY_KIND", False) and "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS, indirect=True, scope="session")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a power cut tells fsync from nothing; processes that tests start do call it."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def kind(request) -> Kind:
    return KINDS[getattr(request, "param", "sbs")]


@pytest.fixture(scope="session")
def schema(kind):
    return kind.schema


@pytest.fixture(scope="session")
def make(kind) -> Make:
    return kind.make


@pytest.fixture
def index_in_memory(kind):
    """Ids 0 to 11 without 1 and 9; payloads name the seeds, which are the ids."""
    index = kind.index(kind.schema, meta=META)
    fill(index, kind.make)
    return index


@pytest.fixture(scope="session")
def stored_once(tmp_path_factory, kind) -> Path:
    path = tmp_path_factory.mktemp("once") / "index"
    kind.index(kind.schema, meta=META).save(path)
    fill(kind.index.open(path), kind.make)
    return path


@pytest.fixture
def stored(tmp_path, kind, stored_once):
    """The same on disk, in three segments."""
    shutil.copytree(stored_once, tmp_path / "index")
    return kind.index.open(tmp_path / "index")


def fill(index: HammingIndex | L2Index, make: Make) -> None:
    for seeds in (range(7), range(7, 10), range(10, 12)):
        index.add([make(seed) for seed in seeds], payloads=[f"seed {seed}" for seed in seeds])
    index.remove([1, 9])
