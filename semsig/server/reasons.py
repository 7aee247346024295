"""Why one photo is similar to another: in words, by blocks, and by parts."""

from __future__ import annotations

import numpy as np

from semsig.explain import describe, explain
from semsig.report.draw import legend
from semsig.search import PooledIndex
from semsig.server.asks import Described, Matched, QueryPhoto, Reason, Share
from semsig.server.searching import describe_parts
from semsig.server.shares import hex_color
from semsig.server.shelf import Shelf
from semsig.signatures.sbs.encoding import sbs
from semsig.types import LabelMap

_NAMES = ("the query", "this photo")
_PARTS = [
    (left, top, left + 0.5, top + 0.5) for top in (0.0, 0.25, 0.5) for left in (0.0, 0.25, 0.5)
]
"""Nine overlapping parts, each half as wide and half as high as the photo."""
_MOST_REGIONS = 3


def described(shelf: Shelf, photo: QueryPhoto) -> Described:
    """Describe what a photo shows."""
    label_map = shelf.label_map(photo)
    signature = sbs(label_map, shelf.engine.index.schema.levels)
    classes = [
        Share(name=entry.name, color=hex_color(entry.color), share=entry.share)
        for entry in legend(label_map)
    ]
    return Described(sentence=describe(signature, label_map), classes=classes)


def reason(shelf: Shelf, a: QueryPhoto | LabelMap, b: QueryPhoto, *, regions: bool) -> Reason:
    """Explain why photo B is similar to query A; with `regions`, also by similar parts."""
    maps = (a if isinstance(a, LabelMap) else shelf.label_map(a)), shelf.label_map(b)
    levels = shelf.engine.index.schema.levels
    why = explain(sbs(maps[0], levels), sbs(maps[1], levels), maps=maps, names=_NAMES)
    alike = regions and isinstance(a, QueryPhoto) and "pooled" in shelf.engine.sides
    return Reason(
        sentence=why.sentence,
        distance=why.distance,
        grid=2**levels,
        agreement=np.round(why.block_agreement, 3).tolist(),
        classes=dict(why.class_distances()),
        regions=_matched(shelf, a, b) if alike and isinstance(a, QueryPhoto) else [],
    )


def _matched(shelf: Shelf, a: QueryPhoto, b: QueryPhoto) -> list[Matched]:
    """Return pairs of parts that are mutual nearest neighbours by pooled descriptor, best first.

    Each part of a photo is in at most one pair.
    """
    whole = QueryPhoto(id=a.id, upload=a.upload, rotate=a.rotate)
    left, top, right, bottom = a.crop or (0.0, 0.0, 1.0, 1.0)
    width, height = right - left, bottom - top
    inside = [
        (left + x * width, top + y * height, left + z * width, top + w * height)
        for x, y, z, w in _PARTS
    ]
    of_a = describe_parts(shelf, whole, inside)
    of_b = describe_parts(shelf, b, _PARTS)
    index = PooledIndex(of_b[0].schema)
    index.add(of_b, range(len(of_b)))
    distances = np.empty((len(of_a), len(of_b)))
    found, ids = index.search(of_a, len(of_b))
    np.put_along_axis(distances, ids, found, axis=1)
    pairs = [
        (float(distances[i, j]), i, int(j))
        for i, j in enumerate(distances.argmin(axis=1))
        if distances[:, j].argmin() == i
    ]
    return [
        Matched(a=inside[i], b=_PARTS[j], distance=round(distance, 4))
        for distance, i, j in sorted(pairs)[:_MOST_REGIONS]
    ]
