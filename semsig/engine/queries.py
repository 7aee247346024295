"""What is searched for, as signatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np

from semsig.engine.catalogue import find_photo
from semsig.engine.reading import label_map_on_disk, read_pixels
from semsig.errors import QueryError
from semsig.photo import PhotoPath, absolute
from semsig.query import Box, Conditions, leave_out
from semsig.search import HammingIndex
from semsig.search.fusion import SignatureName
from semsig.segment import Segmenter
from semsig.signatures import sbs
from semsig.types import Image, LabelMap, PooledSignature, SbovpSignature, SbsSignature

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
    side : callable
        Returns the index of a further signature by its name; raises QueryError if there is none.
    segmenter : callable returning Segmenter
        Called when a label map is needed.
    held_phrases : callable returning PhraseIndex or None
        The phrases, if there are any: photos are decoded as large as they need.
    """

    def __init__(
        self,
        index: HammingIndex,
        side: Callable[[str], Any],
        segmenter: Callable[[], Segmenter],
        held_phrases: Callable[[], PhraseIndex | None],
    ) -> None:
        self._index = index
        self._side = side
        self._segmenter = segmenter
        self._held_phrases = held_phrases

    def label_map(self, query: Query) -> LabelMap:
        """Return the label map of a query."""
        return _Asked(self, query).label_map

    def pixels(self, query: Query) -> Image:
        """Return the photo of a query as it would be indexed.

        Raises
        ------
        QueryError
            If it is a label map.
        ImageError
            If it cannot be read.
        """
        return _Asked(self, query).image

    def signature(self, query: Query) -> SbsSignature:
        """Return the SBS signature of a query."""
        return self._signature(_Asked(self, query))

    def signatures(self, query: Query, view: View) -> list[SbsSignature]:
        """Return the SBS signatures to search for: one, or two if mirrored."""
        return self._signatures(_Asked(self, query), view)

    def asked(self, query: Query, view: View, signature: SignatureName) -> Sequence[Any]:
        """Return what a search by `signature` takes: one of each, or two if mirrored.

        Phrases know no places: absent classes are left out everywhere. Pooled descriptors know
        no classes: they are of the query as it is.
        """
        asked = _Asked(self, query)
        if signature == "sbs":
            return self._signatures(asked, view)
        if signature == "sbovp":
            return self._bags(asked, view)
        if signature == "pooled":
            return self._descriptors(asked, view)
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
        phrases = self._side("sbovp")
        known = asked.known
        if known is not None and view.is_whole and not len(view.absent) and phrases.has(known):
            return [phrases.index.signature(known)]
        found = [phrases.keypoints(image) for image in view.images(asked.image)]
        maps = [_without(each, view.absent) for each in view.maps(asked.label_map)]
        return [phrases.sign(*pair) for pair in zip(found, maps, strict=True)]

    def _descriptors(self, asked: _Asked, view: View) -> list[PooledSignature]:
        side, known = self._side("pooled"), asked.known
        if known is not None and view.is_whole and side.has(known):
            return [side.index.signature(known)]
        described = side.encoder.describe(self._segmenter(), view.images(asked.image))
        return [descriptor for _, descriptor in described]

    def known(self, query: Query) -> int | None:
        """Return the id of an indexed, unchanged photo."""
        if not is_path(query):
            return None
        known = find_photo(self._index, absolute(query))
        return known[0] if known is not None and known[1].is_fresh else None

    def segment(self, asked: _Asked) -> LabelMap:
        """Return the label map of what is asked for."""
        on_disk = (
            label_map_on_disk(self._segmenter(), asked.query) if is_path(asked.query) else None
        )
        return self._segmenter()(asked.image) if on_disk is None else on_disk

    def read(self, path: PhotoPath) -> Image:
        """Read a photo as it is indexed."""
        return read_pixels(path, self._segmenter(), self._held_phrases())


@dataclass(frozen=True)
class _Asked:
    """A query: looked for in the index, decoded and segmented no more than once."""

    reader: QueryReader
    query: Query

    @cached_property
    def known(self) -> int | None:
        return self.reader.known(self.query)

    @cached_property
    def image(self) -> Image:
        if isinstance(self.query, LabelMap):
            raise QueryError(
                "Phrases and pooled descriptors are of a photo; a layout or label map has none."
            )
        return self.query if isinstance(self.query, np.ndarray) else self.reader.read(self.query)

    @cached_property
    def label_map(self) -> LabelMap:
        return self.query if isinstance(self.query, LabelMap) else self.reader.segment(self)


def is_path(query: Query | None) -> TypeGuard[PhotoPath]:
    """Tell whether a query is a photo's path."""
    return query is not None and not isinstance(query, np.ndarray | LabelMap)


def _without(label_map: LabelMap, absent: Conditions) -> LabelMap:
    labels = label_map.labels.copy()
    for term in absent.terms:
        labels[labels == term.label] = label_map.classes.void
    return LabelMap(labels, label_map.classes)
