"""What an index of photos holds and was made with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from semsig.engine.pooled import PooledSide
from semsig.engine.side import SideIndex
from semsig.errors import IndexStorageError, SegmenterError, SemsigError, SignatureError
from semsig.search import HammingIndex
from semsig.segment import Segmenter, is_packaged, load_segmenter
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
    phrases, pooled : str
        What phrases and pooled descriptors were made with; empty where there are none.
    """

    photos: int
    segmenter: str
    fingerprint: str
    classes: str
    n_classes: int
    levels: int
    bits: int
    bytes: int
    phrases: str = ""
    pooled: str = ""

    @classmethod
    def of(cls, index: HammingIndex, sides: Mapping[str, SideIndex]) -> EngineInfo:
        """Read it off what an engine wrote."""
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
            phrases=described.get("sbovp", ""),
            pooled=described.get("pooled", ""),
        )


def meta_of(segmenter: Segmenter) -> dict[str, str]:
    """Return what an index remembers of its segmenter."""
    return {"segmenter": segmenter.name, "segmenter_fingerprint": segmenter.fingerprint}


def open_sides(index: HammingIndex) -> tuple[dict[str, SideIndex], dict[str, SemsigError]]:
    """Open the further signatures in an index's folder.

    Returns
    -------
    sides : dict of str to SideIndex
        Those that can be read, by name; Numba is not imported where there are no phrases.
    lost : dict of str to SemsigError
        Why others cannot be read: the signatures of blocks do without.
    """
    sides: dict[str, SideIndex] = {}
    lost: dict[str, SemsigError] = {}
    for name, open_side in (("pooled", PooledSide.open), ("sbovp", _open_phrases)):
        try:
            side = open_side(index)
        except (IndexStorageError, SignatureError) as error:
            lost[name] = error
        else:
            sides |= {} if side is None else {name: side}
    return sides, lost


def _open_phrases(index: HammingIndex) -> SideIndex | None:
    if index.path is None or not (index.path / "sbovp").exists():
        return None
    from semsig.engine.phrases import PhraseIndex

    return PhraseIndex.open(index)


def is_files(segmenter: str) -> bool:
    """Tell by its name whether a segmenter is a folder of label maps."""
    return segmenter.startswith("files:")


def remembered_segmenter(index: HammingIndex, threads: int | None) -> Segmenter:
    """Load the segmenter that an index names, if naming it is harmless.

    An index is data, perhaps someone else's: a config of mmsegmentation is Python, and a network
    file is run. Only the package's own networks, and label maps on disk, are loaded by name.

    Raises
    ------
    SegmenterError
        If it names anything else, or the segmenter cannot be loaded.
    """
    name = index.meta["segmenter"]
    if not (is_files(name) or is_packaged(name)):
        raise SegmenterError(
            f"Expected an index that names a packaged network; {index.path} names {name!r}, which "
            "may run code, so it is not loaded unasked. If you trust it, pass it yourself: "
            f"--segmenter {shlex.quote(name)}, or Engine.open(folder, segmenter={name!r})."
        )
    return load_segmenter(name, threads=threads)


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
        If it is another network, or label maps come to a network's index.
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
