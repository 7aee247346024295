"""Indexes to torture, how they change, and what they answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semsig.classes import ClassTable
from semsig.engine import Engine
from semsig.search import HammingIndex, L2Index, PooledIndex, is_unused
from semsig.signatures import default_vocabulary
from semsig.types import (
    PooledSchema,
    PooledSignature,
    SbovpSchema,
    SbovpSignature,
    SbsSchema,
    SbsSignature,
)

TABLE = ClassTable([f"class {number}" for number in range(6)])
Answers = tuple[Any, ...]


class Kind:
    """A kind of index and signatures for it: of a seed, always the same."""

    def __init__(self, index: Any, schema: Any, make: Callable[[Any, Any], Any]) -> None:
        self.index, self.schema, self._make = index, schema, make

    def signature(self, seed: int) -> Any:
        return self._make(np.random.default_rng(seed), self.schema)

    def answers(self, index: Any) -> Answers:
        """Everything that an index can be asked for, as values to compare."""
        asked = [self.signature(seed) for seed in (1, 2)]
        distances, ids = index.search(asked, 4)
        near = index.search_radius(asked[:1], float(distances[0][0]))[0]
        return (
            index.ids.tolist(),
            list(index.payloads),
            [np.asarray(array).tolist() for array in (distances, ids, *near)],
            [_values(index.signature(id_)) for id_ in index.ids.tolist()],
        )


def _values(signature: Any) -> list[list[int]]:
    names = ("cells", "columns", "counts", "codes")
    return [getattr(signature, name).tolist() for name in names if hasattr(signature, name)]


def _sbs(rng: np.random.Generator, schema: SbsSchema) -> SbsSignature:
    level = rng.choice(5, schema.n_cells, p=[0.6, 0.1, 0.1, 0.1, 0.1])
    cell = np.flatnonzero(level)
    return SbsSignature(cell * 4 + level[cell] - 1, schema)


def _sbovp(rng: np.random.Generator, schema: SbovpSchema) -> SbovpSignature:
    counts = rng.choice([0, 1, 2, 300], schema.n_columns, p=[0.5, 0.3, 0.1, 0.1])
    columns = np.flatnonzero(counts)
    return SbovpSignature(columns, counts[columns], schema)


def _pooled(rng: np.random.Generator, schema: PooledSchema) -> PooledSignature:
    codes = rng.integers(-127, 128, schema.dims).astype(np.int8)
    codes[0] = 127
    return PooledSignature(codes, schema)


@cache
def kinds() -> tuple[Kind, ...]:
    words = default_vocabulary()
    phrases = SbovpSchema(
        detector="kaze",
        vocabulary=words.fingerprint,
        n_words=len(words),
        classes=TABLE,
        words="semantic",
        space="descriptor",
        length=2,
        regions="classes",
        norm="sqrt",
    )
    pooled = PooledSchema(network="torture", pool="spoc", power=1.0, dims=64)
    return (
        Kind(HammingIndex, SbsSchema(2, TABLE), _sbs),
        Kind(L2Index, phrases, _sbovp),
        Kind(PooledIndex, pooled, _pooled),
    )


def make_index(kind: Kind, path: Path, rng: random.Random) -> None:
    """Make an index of several segments with removed rows."""
    kind.index(kind.schema, meta={"made": "to be tortured"}).save(path)
    index = kind.index.open(path)
    for count in (rng.randint(9, 14), rng.randint(4, 6), rng.randint(1, 3)):
        seeds = rng.sample(range(1000), count)
        texts = [f"photo {seed}, ä{'x' * (seed % 50)}" for seed in seeds]
        index.add([kind.signature(seed) for seed in seeds], payloads=texts)
    index.remove(rng.sample(index.ids.tolist(), 3))


def change(kind: Kind, path: Path, name: str, rng: random.Random) -> None:
    """Do to the index in a folder what a name says."""
    if name == "save over it":
        other = kind.index(kind.schema)
        other.add([kind.signature(rng.randrange(1000)) for _ in range(3)])
        other.save(path)
        return
    index = kind.index.open(path)
    some = rng.sample(index.ids.tolist(), 3)
    new = [kind.signature(rng.randrange(1000)) for _ in some]
    {
        "add": lambda: index.add(new, payloads=["new"] * len(new)),
        "remove": lambda: index.remove(some),
        "replace": lambda: index.replace(some, new),
        "compact": index.compact,
    }[name]()


CHANGES = ("add", "remove", "replace", "compact", "save over it")


def rows(kind: Kind, path: Path) -> Answers | None:
    """Return what an index holds; None where none was ever begun."""
    if is_unused(path):
        return None
    index = kind.index.open(path)
    signatures = [_values(index.signature(id_)) for id_ in index.ids.tolist()]
    return index.ids.tolist(), list(index.payloads), signatures


def write_photos(folder: Path, count: int) -> tuple[list[Path], str]:
    """Write photos that are cheap to read, with label maps; return photos and segmenter."""
    photos, maps = folder / "photos", folder / "maps"
    photos.mkdir()
    maps.mkdir()
    (maps / "classes.txt").write_text("".join(f"{name}\n" for name in "abcdefghi"))
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 9, (4, 4), np.uint8)
        Image.fromarray(coarse.repeat(8, 0).repeat(8, 1)).save(maps / f"{number:05}.png")
        (photos / f"{number:05}.jpg").write_bytes(rng.bytes(200))
    return sorted(photos.iterdir()), f"files:{maps}"


def photo_signatures(path: Path) -> dict[str, list[list[int]]]:
    """Return the signature of each photo in an engine's index."""
    engine = Engine.open(path)
    ids = engine.index.ids.tolist()
    return {
        photo: _values(engine.index.signature(id_))
        for photo, id_ in zip(engine.paths, ids, strict=True)
    }
