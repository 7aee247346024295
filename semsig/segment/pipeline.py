"""Segment many files: threads read photos ahead while the network works."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from semsig.errors import SegmenterError, SemsigError
from semsig.parallel import usable_cores
from semsig.photo.image_files import read_image
from semsig.segment.base import PathSegmenter, Segmenter
from semsig.types import Image, LabelMap


def segment_path(segmenter: Segmenter, path: str | os.PathLike[str]) -> LabelMap:
    """Return the label map of the photo at `path`, whatever kind of segmenter it is.

    Networks are given the photo, decoded no larger than they need; segmenters that look label maps
    up are given its path.

    Raises
    ------
    ImageError
        If the photo cannot be read.
    SegmenterError
        If it cannot be segmented, or has no label map.
    """
    loaded = _load(segmenter, path)
    return loaded if isinstance(loaded, LabelMap) else segmenter(loaded)


def segment_paths(
    segmenter: Segmenter,
    paths: Iterable[str | os.PathLike[str]],
    *,
    workers: int | None = None,
    window: int = 32,
) -> Iterator[tuple[Path, LabelMap | SemsigError]]:
    """Segment the photos at `paths`, in order; a photo that fails yields its error.

    Parameters
    ----------
    segmenter : Segmenter
        A network, or label maps on disk.
    paths : iterable of path-like
        The photos; consumed lazily, at most two windows ahead.
    workers : int, optional
        Threads that read photos, at least 1; the number of cores by default.
    window : int
        Photos handed to the segmenter together, at least 1.

    Yields
    ------
    path : Path
        As given.
    outcome : LabelMap or SemsigError
        The label map, or the reason why there is none.
    """

    def load(path: Path) -> Image | LabelMap | SemsigError:
        try:
            return _load(segmenter, path)
        except SemsigError as error:
            return error

    source = map(Path, paths)
    with ThreadPoolExecutor(workers or usable_cores()) as pool:
        ahead = [(path, pool.submit(load, path)) for path in islice(source, window)]
        while current := ahead:
            ahead = [(path, pool.submit(load, path)) for path in islice(source, window)]
            outcomes = _segment(segmenter, [future.result() for _, future in current])
            yield from zip((path for path, _ in current), outcomes, strict=True)


def _load(segmenter: Segmenter, path: str | os.PathLike[str]) -> Image | LabelMap:
    if isinstance(segmenter, PathSegmenter):
        return segmenter.for_path(path)
    return read_image(path, at_least=getattr(segmenter, "short_side", None))


def _segment(
    segmenter: Segmenter, loaded: list[Image | LabelMap | SemsigError]
) -> list[LabelMap | SemsigError]:
    """Replace the photos in `loaded` by their label maps."""
    photos = [one for one in loaded if not isinstance(one, LabelMap | SemsigError)]
    maps = iter(_batch(segmenter, photos))
    return [one if isinstance(one, LabelMap | SemsigError) else next(maps) for one in loaded]


def _batch(segmenter: Segmenter, photos: list[Image]) -> list[LabelMap | SemsigError]:
    """Segment photos together; if that fails, one by one, so that only the bad ones fail."""
    try:
        return list(segmenter.batch(photos))
    except SegmenterError as error:
        if len(photos) == 1:
            return [error]
    return [outcome for photo in photos for outcome in _batch(segmenter, [photo])]
