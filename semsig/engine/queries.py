"""What is searched for, as signatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np

from semsig.config import SignatureName
from semsig.engine.catalogue import find_photo
from semsig.engine.photo import PhotoPath, absolute, label_map_at
from semsig.errors import QueryError
from semsig.index import HammingIndex
from semsig.query import Box, Conditions, leave_out
from semsig.segment import Segmenter
from semsig.signature import sbs
from semsig.types import Image, LabelMap, SbovpSignature, SbsSignature

if TYPE_CHECKING:
    from semsig.engine.phrases import PhraseIndex

Query = PhotoPath | Image | LabelMap
"""What can be searched for: a photo's path, its pixels (H, W, 3) uint8 RGB, or its label map.

Of a path, a large JPEG is decoded no larger than the network needs it; pixels are taken as they
are. So the same photo may get a slightly different label map by path and by pixels.
"""


class Signatures(NamedTuple):
    """Both signatures of a photo."""

    sbs: SbsSignature
    sbovp: SbovpSignature


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
            raise QueryError(f"crop is a Box, as Box.parse reads one; {self.crop!r} came.")

    @property
    def is_whole(self) -> bool:
        """Whether the photo counts as it is, but for absent classes."""
        return self.crop is None and not self.mirrored

    def maps(self, label_map: LabelMap) -> list[LabelMap]:
        """Return the label maps to search for: one, or two if mirrored."""
        part = self.crop.crop(label_map) if self.crop else label_map
        return [part, part.flipped()] if self.mirrored else [part]

    def images(self, image: Image) -> list[Image]:
        """Return the pictures to search for: one, or two if mirrored."""
        part = image[self.crop.slices(*image.shape[:2])] if self.crop else image
        part = np.ascontiguousarray(part)
        return [part, np.ascontiguousarray(part[:, ::-1])] if self.mirrored else [part]


class QueryReader:
    """Turns queries into signatures.

    Parameters
    ----------
    index : HammingIndex
        The index of photos; signatures of unchanged ones are at hand.
    phrases : callable returning PhraseIndex
        Called when phrases are needed; raises QueryError if there are none.
    segmenter : callable returning Segmenter
        Called when a label map is needed.
    """

    def __init__(
        self,
        index: HammingIndex,
        phrases: Callable[[], PhraseIndex],
        segmenter: Callable[[], Segmenter],
    ) -> None:
        self._index = index
        self._phrases = phrases
        self._segmenter = segmenter

    def label_map(self, query: Query) -> LabelMap:
        """Return the label map of a query."""
        if isinstance(query, LabelMap):
            return query
        if isinstance(query, np.ndarray):
            return self._segmenter()(query)
        return label_map_at(self._segmenter(), query)

    def signature(self, query: Query) -> SbsSignature:
        """Return the SBS signature of a query."""
        return self._signature(_Asked(self, query))

    def signatures(self, query: Query, view: View) -> list[SbsSignature]:
        """Return the SBS signatures to search for: one, or two if mirrored."""
        return self._signatures(_Asked(self, query), view)

    def asked(self, query: Query, view: View, signature: SignatureName) -> Sequence[Any]:
        """Return what a search by `signature` takes: one of each, or two if mirrored.

        Phrases know no places: absent classes are left out everywhere.
        """
        asked = _Asked(self, query)
        if signature == "sbs":
            return self._signatures(asked, view)
        if signature == "sbovp":
            return self._bags(asked, view)
        pairs = zip(self._signatures(asked, view), self._bags(asked, view), strict=True)
        return [Signatures(*pair) for pair in pairs]

    def _signature(self, asked: _Asked) -> SbsSignature:
        if asked.known is not None:
            return self._index.signature(asked.known)
        return sbs(asked.label_map, self._index.schema.levels)

    def _signatures(self, asked: _Asked, view: View) -> list[SbsSignature]:
        if view.is_whole:
            return [leave_out(self._signature(asked), view.absent)]
        levels = self._index.schema.levels
        return [leave_out(sbs(each, levels), view.absent) for each in view.maps(asked.label_map)]

    def _bags(self, asked: _Asked, view: View) -> list[SbovpSignature]:
        phrases = self._phrases()
        known = asked.known
        if known is not None and view.is_whole and not len(view.absent) and phrases.has(known):
            return [phrases.index.signature(known)]
        images = view.images(self.pixels(asked.query))
        maps = [_without(each, view.absent) for each in view.maps(asked.label_map)]
        return [phrases.sign(*pair) for pair in zip(images, maps, strict=True)]

    def known(self, query: Query) -> int | None:
        """Return the id of an indexed, unchanged photo."""
        if not is_path(query):
            return None
        known = find_photo(self._index, absolute(query))
        return known[0] if known is not None and known[1].is_fresh else None

    def pixels(self, query: Query) -> Image:
        """Return the photo of a query as keypoints are looked for in it.

        Raises
        ------
        QueryError
            If it is a label map, or there are no phrases.
        ImageError
            If it cannot be read.
        """
        if isinstance(query, LabelMap):
            raise QueryError("Phrases are of a photo; a layout or label map alone has none.")
        if isinstance(query, np.ndarray):
            return query
        return self._phrases().read(query)


@dataclass(frozen=True)
class _Asked:
    """A query: looked for in the index, and segmented, no more than once."""

    reader: QueryReader
    query: Query

    @cached_property
    def known(self) -> int | None:
        return self.reader.known(self.query)

    @cached_property
    def label_map(self) -> LabelMap:
        return self.reader.label_map(self.query)


def is_path(query: Query | None) -> TypeGuard[PhotoPath]:
    """Tell whether a query is a photo's path."""
    return query is not None and not isinstance(query, np.ndarray | LabelMap)


def _without(label_map: LabelMap, absent: Conditions) -> LabelMap:
    labels = label_map.labels.copy()
    for term in absent.terms:
        labels[labels == term.label] = label_map.classes.void
    return LabelMap(labels, label_map.classes)
