"""What an index of photos holds and was made with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semsig.engine.moving import moved_along
from semsig.engine.side import SideIndex
from semsig.engine.trust import is_trusted
from semsig.errors import SegmenterError
from semsig.photo import native, portable
from semsig.search import HammingIndex
from semsig.segment import Segmenter, is_packaged, load_segmenter
from semsig.segment.devices import Device
from semsig.types import SbsSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine's index holds and what it was made with.

    Parameters
    ----------
    photos : int
        Photos in the index.
    segmenter, fingerprint : str
        Name and fingerprint of the segmenter that made the label maps.
    classes, n_classes, levels, bits : str, int
        Class table, its size, level n of the quadtree, bits of a signature.
    bytes : int
        Size of the index's data on disk, further signatures and all; 0 in memory.
    signatures : mapping of str to str
        What each further signature was made with, by its name.
    """

    photos: int
    segmenter: str
    fingerprint: str
    classes: str
    n_classes: int
    levels: int
    bits: int
    bytes: int
    signatures: Mapping[str, str]

    @classmethod
    def of(cls, index: HammingIndex, sides: Mapping[str, SideIndex]) -> EngineInfo:
        """Read the facts from what an engine wrote."""
        further = sum(side.index.n_bytes for side in sides.values())
        described = {name: side.index.schema.describe() for name, side in sides.items()}
        return cls(
            photos=len(index),
            segmenter=index.meta["segmenter"],
            fingerprint=index.meta["segmenter_fingerprint"],
            classes=index.schema.classes.name,
            n_classes=len(index.schema.classes),
            levels=index.schema.levels,
            bits=index.schema.n_bits,
            bytes=index.n_bytes + further,
            signatures=described,
        )


def class_counts(index: HammingIndex) -> dict[str, int]:
    """Return how many photos show each class, by name, the most frequent first.

    A photo shows a class if any of its blocks has a trace of it.
    """
    ids, batch = index.to_batch()
    classes = batch.schema.classes
    rows = np.repeat(np.arange(len(ids), dtype=np.int64), np.diff(batch.offsets))
    labels = (batch.cells.astype(np.int64) >> 2) % len(classes)
    pairs = np.unique(rows * len(classes) + labels)
    counts = np.bincount(pairs % len(classes), minlength=len(classes))
    order = np.argsort(-counts, kind="stable")
    return {classes.names[label]: int(counts[label]) for label in order}


def meta_of(segmenter: Segmenter) -> dict[str, str]:
    """Return what an index remembers of its segmenter."""
    name = portable(segmenter.name)
    return {"segmenter": name, "segmenter_fingerprint": segmenter.fingerprint}


def is_files(segmenter: str) -> bool:
    """Tell by its name whether a segmenter is a folder of label maps."""
    return segmenter.startswith("files:")


def remembered_segmenter(
    index: HammingIndex, threads: int | None, device: Device = "auto"
) -> Segmenter:
    """Load the segmenter that an index names, if that is safe.

    An index is data, perhaps someone else's: a config of mmsegmentation is Python, and a network
    file is run. Only the package's own networks, and label maps on disk, are loaded by name, and
    what :mod:`semsig.engine.trust` has on record.

    Raises
    ------
    SegmenterError
        If it names anything else, or the segmenter cannot be loaded.
    """
    name = index.meta["segmenter"]
    if not (is_files(name) or is_packaged(name) or is_trusted(index)):
        raise SegmenterError(
            f"Expected an index that names a packaged network; {index.path} names {name!r}, which "
            "may run code, so it is not loaded automatically. If you trust it, pass it yourself: "
            f"--segmenter {shlex.quote(name)}, or Engine.open(folder, segmenter={name!r}); or once "
            f"and for all: semsig trust --index {shlex.quote(str(index.path))}."
        )
    return load_segmenter(_where_it_is(index, native(name)), threads=threads, device=device)


def _where_it_is(index: HammingIndex, name: str) -> str:
    """Return a segmenter's name, updated if its label maps moved along with the index."""
    if not is_files(name):
        return name
    folder, at, table = name.removeprefix("files:").rpartition("@")
    whole = folder + at + table
    place, rest = (whole, "") if not at or Path(whole).is_dir() else (folder, at + table)
    return f"files:{moved_along(index, place)}{rest}"


def require_segmenter(segmenter: object) -> None:
    """Raise :class:`SegmenterError` unless something is a segmenter."""
    if not all(hasattr(segmenter, part) for part in ("name", "fingerprint", "classes", "batch")):
        raise SegmenterError(
            f"Expected a segmenter or the name of one, got {type(segmenter).__name__}; "
            "semsig.load_segmenter(name) loads one."
        )


def same_segmenter(index: HammingIndex, segmenter: Segmenter) -> Segmenter:
    """Return `segmenter` if it is the one that `index` was made with.

    Label maps on disk may come and go, so of an index made with such only the class table of
    other label maps on disk must agree.

    Raises
    ------
    SchemaMismatchError
        If its class table differs.
    SegmenterError
        If it is another network, or label maps are given for a network's index.
    """
    index.schema.require(SbsSchema(index.schema.levels, segmenter.classes))
    remembered = index.meta["segmenter_fingerprint"]
    both_files = is_files(index.meta["segmenter"]) and is_files(segmenter.name)
    if remembered != segmenter.fingerprint and not both_files:
        raise SegmenterError(
            f"The index was made with {index.meta['segmenter']!r}, fingerprint {remembered}; "
            f"{segmenter.name!r} now has {segmenter.fingerprint}. Their label maps differ: "
            "index into a new folder."
        )
    return segmenter
