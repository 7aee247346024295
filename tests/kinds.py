"""The kinds of signatures with which tests of storage, search and exchange run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from semsig.classes import ClassTable
from semsig.search import HammingIndex, L2Index
from semsig.types import SbovpSignature, SbsSchema, SbsSignature
from tests.search.histograms import schema_of

Make = Callable[[int], Any]
"""Makes a signature from a seed, deterministically."""

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


def fill(index: HammingIndex | L2Index, make: Make) -> None:
    for seeds in (range(7), range(7, 10), range(10, 12)):
        index.add([make(seed) for seed in seeds], payloads=[f"seed {seed}" for seed in seeds])
    index.remove([1, 9])
