"""Make a large index from a small one, to find the server's limits; nothing is segmented.

    python -m benchmarks.recombined FEW MANY PHOTOS [COUNT]

Each record has the upper blocks of one photo and the lower blocks of another, and a descriptor
between those of the two. Its file is a hard link, in the new folder PHOTOS, to a copy of the first
photo, with a name and a digest of its own.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from semsig.engine import Engine
from semsig.photo import PhotoRecord
from semsig.search.blending import blend
from semsig.types import SbsSignature

COUNT = 100_000
_AT_ONCE = 10_000
_FOLDER = 1_000
"""Photos per folder."""


def joined(upper: SbsSignature, lower: SbsSignature, row: int) -> SbsSignature:
    """Return a signature with the blocks of `upper` above a row and of `lower` from it on."""
    schema = upper.schema
    cut = row * 2**schema.levels * len(schema.classes) * 4
    cells = np.concatenate([upper.cells[upper.cells < cut], lower.cells[lower.cells >= cut]])
    return SbsSignature(cells, schema)


def linked(sources: list[Path], folder: Path, number: int, which: int) -> Path:
    """Make a hard link to a photo; return its path."""
    place = folder / f"{number // _FOLDER:04}"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"IMG_{number:06}{sources[which].suffix}"
    os.link(sources[which], path)
    return path


def recombine(few: Engine, many: Path, photos: Path, count: int) -> None:
    """Write an index of `count` photos to `many`, and the photos' files to `photos`."""
    random = np.random.default_rng(0)
    ids = few.index.ids.tolist()
    records = [PhotoRecord.from_json(few.index.payload(id_)) for id_ in ids]
    (photos / "sources").mkdir(parents=True)
    sources = [
        Path(shutil.copy(one.path, photos / "sources" / f"{number}{Path(one.path).suffix}"))
        for number, one in enumerate(records)
    ]
    engine = Engine.create(many, segmenter=few.segmenter, signatures=["pooled"])
    pooled = few.sides["pooled"].index
    for first in range(0, count, _AT_ONCE):
        numbers = range(first, min(count, first + _AT_ONCE))
        upper, lower = random.integers(len(ids), size=(2, len(numbers)))
        rows = random.integers(1, 2**few.index.schema.levels, len(numbers))
        pairs = list(zip(upper.tolist(), lower.tolist(), rows.tolist(), strict=True))
        payloads = [
            replace(
                records[a],
                path=str(linked(sources, photos, number, a)),
                digest=f"{number:032x}",
            ).to_json()
            for number, (a, _, _) in zip(numbers, pairs, strict=True)
        ]
        signatures = [
            joined(few.index.signature(ids[a]), few.index.signature(ids[b]), row)
            for a, b, row in pairs
        ]
        added = engine.index.add(signatures, payloads=payloads)
        side = 2**few.index.schema.levels
        mixed = [
            blend(
                [pooled.signature(ids[a]), pooled.signature(ids[b])], [row / side, 1 - row / side]
            )
            for a, b, row in pairs
        ]
        engine.sides["pooled"].add(added, mixed)
        print(f"{numbers.stop:,}")


if __name__ == "__main__":
    given = sys.argv[1:]
    wanted = int(given[3]) if len(given) > 3 else COUNT
    recombine(Engine.open(given[0]), Path(given[1]), Path(given[2]), wanted)
