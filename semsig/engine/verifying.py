"""Hits re-ordered by geometry: first those whose keypoints show the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from semsig.errors import ImageError
from semsig.explain.geometry import GeometryOptions, Match, local_features, match
from semsig.photo.image_files import read_image
from semsig.types import Hit, Image


def verify_hits(
    query: Image, hits: Sequence[Hit], options: GeometryOptions | None = None
) -> list[tuple[Hit, Match | None]]:
    """Put the first hits in order of the keypoints that agree with the query's.

    Parameters
    ----------
    query : ndarray of uint8, shape (H, W, 3)
        The photo that was searched for, RGB.
    hits : sequence of Hit
        What was found.
    options : GeometryOptions, optional
        How many are compared, and how.

    Returns
    -------
    list of (Hit, Match or None)
        Hits in their new order and ranks, those with most inliers first, others as before; None
        for those that were not compared, or cannot be read. Distances are as they were.
    """
    options = options or GeometryOptions()
    asked = local_features(query, options)

    def compared(hit: Hit) -> Match | None:
        try:
            photo = read_image(hit.path, at_least=options.max_side)
        except ImageError:
            return None
        return match(asked, local_features(photo, options), options)

    first = [(hit, compared(hit)) for hit in hits[: options.first]]
    first.sort(key=lambda pair: -(pair[1].inliers if pair[1] else 0))
    ordered = [*first, *((hit, None) for hit in hits[options.first :])]
    return [(replace(hit, rank=rank), found) for rank, (hit, found) in enumerate(ordered, start=1)]
