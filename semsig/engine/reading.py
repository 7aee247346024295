"""What is read of a photo: how large, and its label map where that is on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from semsig.engine.side import SideIndex
from semsig.errors import ImageError, SegmenterError
from semsig.photo import Photo, PhotoPath
from semsig.segment import PathSegmenter, Segmenter
from semsig.types import Image, LabelMap

if TYPE_CHECKING:
    from semsig.engine.phrases import PhraseIndex


def pixels_needed(segmenter: Segmenter, phrases: PhraseIndex | None) -> int | None:
    """Return the short side that photos are decoded at, at least; None for all of their pixels.

    A photo is decoded once for all of its signatures, so the one that needs most sets it.
    """
    side: int | None = getattr(segmenter, "short_side", None)
    if side is None or phrases is None:
        return side
    return max(side, phrases.vocabulary.options.max_side)


def phrases_of(sides: Mapping[str, SideIndex]) -> PhraseIndex | None:
    """Return the phrases among an index's further signatures; None if there are none."""
    return cast("PhraseIndex | None", sides.get("sbovp"))


def read_pixels(path: PhotoPath, segmenter: Segmenter, phrases: PhraseIndex | None) -> Image:
    """Read a photo as it is indexed; ImageError if it cannot be read."""
    with Photo(path) as photo:
        return photo.image(pixels_needed(segmenter, phrases))


def label_map_on_disk(segmenter: Segmenter, path: PhotoPath) -> LabelMap | None:
    """Return the label map of the photo at `path`; None where a network makes them.

    Raises
    ------
    ImageError
        If label maps are on disk and this photo has none ("no-label-map").
    """
    if not isinstance(segmenter, PathSegmenter):
        return None
    try:
        return segmenter.for_path(path)
    except SegmenterError as error:
        raise ImageError(str(error), reason="no-label-map") from error
