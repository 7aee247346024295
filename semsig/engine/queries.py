"""What is searched for, as signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from semsig.engine.catalogue import find_key
from semsig.engine.seen import SeenPhotos, stamp
from semsig.engine.side import SideIndex
from semsig.errors import QueryError
from semsig.photo import Photo, PhotoPath
from semsig.query import Box, Conditions
from semsig.search import HammingIndex
from semsig.segment import PathSegmenter, Segmenter
from semsig.signatures import Inputs, Needs, Signer
from semsig.types import Image, LabelMap

Query = PhotoPath | Image | LabelMap
"""What can be searched for: a photo's path, its pixels (H, W, 3) uint8 RGB, or its label map.

Of a path, a large JPEG is decoded no larger than the network needs it; pixels are taken as they
are. So the same photo may get a slightly different label map by path and by pixels.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a photo is searched for.

    Parameters
    ----------
    absent : Conditions
        Classes taken as absent, perhaps from a place only.
    crop : Box, optional
        The part that counts.
    mirrored : bool
        Whether its mirror image counts as well.

    Raises
    ------
    QueryError
        If `crop` is no Box.
    """

    absent: Conditions
    crop: Box | None = None
    mirrored: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.crop, Box | None):
            raise QueryError(f"crop is a Box, as Box.parse reads one, got {self.crop!r}.")

    @property
    def is_whole(self) -> bool:
        """Whether the photo is used unchanged, apart from absent classes."""
        return self.crop is None and not self.mirrored


class QueryReader:
    """Turns queries into signatures.

    Parameters
    ----------
    index : HammingIndex
        The index of photos; stored signatures of unchanged ones are used.
    segmenter : callable returning Segmenter
        Called when a label map is needed.
    sides : callable returning a mapping of str to SideIndex
        All signatures of the index; photos are decoded as large as these need.
    """

    def __init__(
        self,
        index: HammingIndex,
        segmenter: Callable[[], Segmenter],
        sides: Callable[[], Mapping[str, SideIndex]],
    ) -> None:
        self._index = index
        self._segmenter = segmenter
        self._sides = sides
        self._last = SeenPhotos()

    def inputs(self, query: Query, needs: Needs) -> Inputs:
        """Return a query as it would be indexed, with what is needed of it.

        Raises
        ------
        QueryError
            If it is a label map, and pixels or features are needed.
        ImageError
            If it cannot be read.
        """
        return self._seen(query, needs)

    def asked(
        self, query: Query, view: View, sides: Mapping[str, SideIndex]
    ) -> list[dict[str, Any]]:
        """Return the signatures to search for by name: once, or twice if mirrored.

        Phrases have no places: absent classes are left out everywhere. Pooled descriptors have no
        classes: they are computed from the unchanged query.
        """
        known = self.known(query) if view.is_whole else None
        if known is not None:
            held = {name: side.known(known, view.absent) for name, side in sides.items()}
            if all(signature is not None for signature in held.values()):
                return [held]
        signer = self._signer(sides)
        whole = self._seen(query, signer.needs_of_whole(is_signed=view.is_whole))
        return [
            {name: side.encode(seen, view.absent) for name, side in sides.items()}
            for seen in signer.view(whole, view.crop, view.mirrored)
        ]

    def known(self, query: Query) -> int | None:
        """Return the id of an indexed, unchanged photo."""
        if not is_path(query):
            return None
        known = find_key(self._index, query)
        return known[0] if known is not None and known[1].is_fresh else None

    def _seen(self, query: Query, needs: Needs) -> Inputs:
        """Return a query with what is needed of it; of a file just seen, without a second pass."""
        signer = self._signer(self._sides())
        if not is_path(query) or isinstance(self._segmenter(), PathSegmenter):
            return signer.see([_read(query, signer)], needs)[0]
        taken, known = stamp(query), self._last.get(query)
        (seen,) = signer.see([_read(query, signer) if known is None else known], needs)
        self._last.keep(query, taken, seen)
        return seen

    def _signer(self, sides: Mapping[str, SideIndex]) -> Signer:
        return Signer(self._segmenter, {name: side.encoder for name, side in sides.items()})


def _read(query: Query, signer: Signer) -> Inputs:
    """Read what is asked for: a photo as it is indexed, whatever it is searched by."""
    if isinstance(query, LabelMap):
        return Inputs(label_map=query)
    if isinstance(query, np.ndarray):
        return Inputs(image=query)
    with Photo(query) as photo:
        return signer.read(photo)


def is_path(query: Query | None) -> TypeGuard[PhotoPath]:
    """Tell whether a query is a photo's path."""
    return query is not None and not isinstance(query, np.ndarray | LabelMap)
