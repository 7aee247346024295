"""One served index: its photos by id, what they show, how large they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
from PIL import Image as PillowImage

from semsig.durable import open_regular
from semsig.engine import Engine
from semsig.engine.duplicates import Pixels, group_copies
from semsig.photo import PhotoRecord
from semsig.photo.image_files import read_image
from semsig.query import Box
from semsig.search.fusion import FUSED
from semsig.server.asks import Painted, PhotoFacts, QueryPhoto
from semsig.server.atlas import Atlas
from semsig.server.problems import RefusedError
from semsig.server.shares import ClassShares
from semsig.server.uploads import Uploads
from semsig.types import Image, LabelMap
from semsig.types.metrics import METRICS, POOLED_METRICS

Key = TypeVar("Key")
Value = TypeVar("Value")

MOST_NEIGHBOURS = 20_000
"""Most photos in an index for re-ranking by neighbours, which finds those of every photo: the work
grows with the square of their number, and 100,000 photos take 89 s of CPU time."""
_MOST_STACKED = 2_000
"""Number of first hits among which copies are looked for."""

_TURNED = frozenset({5, 6, 7, 8})
"""EXIF orientations in which width and height are exchanged."""


class Recent(Generic[Key, Value]):
    """The most recently used values, by key; a request for one that is being made waits for it.

    Parameters
    ----------
    most : int
        Largest number of values that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._making: dict[Key, Lock] = {}
        self._lock = Lock()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, made now if it is not kept."""
        with self._lock:
            if key in self._kept:
                return self._used(key)
            making = self._making.setdefault(key, Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._used(key)
            try:
                value = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._kept[key] = value
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return value

    def _used(self, key: Key) -> Value:
        self._kept.move_to_end(key)
        return self._kept[key]


class Shelf:
    """An index, and what is cached of its photos while it is served.

    Parameters
    ----------
    name : str
        The name by which clients address it.
    engine : Engine
        The index.
    uploads : Uploads
        Photos uploaded by clients.
    """

    def __init__(self, name: str, engine: Engine, uploads: Uploads) -> None:
        self.name, self.engine, self.uploads = name, engine, uploads
        self._sizes: Recent[str, tuple[int, int]] = Recent(50_000)
        self._facts: Recent[tuple[int, object], PhotoFacts] = Recent(50_000)
        self._maps: Recent[tuple[object, ...], LabelMap] = Recent(256)
        self._shares: Recent[object, ClassShares] = Recent(1)
        self._atlas: Recent[object, Atlas] = Recent(1)
        self._looks: Recent[object, Pixels] = Recent(1)
        self._copies: Recent[object, list[list[int]]] = Recent(64)

    @property
    def shares(self) -> ClassShares:
        """The share of each photo that each class fills; computed anew after a change."""
        return self._shares.get(self.engine.index.content, lambda: ClassShares.of(self.engine))

    @property
    def atlas(self) -> Atlas:
        """The map of the photos; computed anew after a change."""
        return self._atlas.get(self.engine.index.content, lambda: Atlas.of(self.engine))

    @property
    def signatures(self) -> list[str]:
        """The signatures by which photos can be compared."""
        sides = self.engine.sides
        return [*sides, *([FUSED] if len(sides) > 1 else [])]

    @property
    def metrics(self) -> dict[str, dict[str, str]]:
        """The distances of each signature that has several, default first, with descriptions."""
        named = {str(name): entry.meaning for name, entry in METRICS.items()}
        named |= {str(name): meaning for name, meaning in POOLED_METRICS.items()}
        kinds = {name: side.kind.metrics for name, side in self.engine.sides.items()}
        return {
            name: {metric: named.get(metric, metric) for metric in kinds.get(name, ())}
            if len(kinds.get(name, ())) > 1
            else {}
            for name in self.signatures
        }

    @property
    def rerankings(self) -> list[str]:
        """The ways to re-rank a search."""
        return ["neighbours", "expand"] if len(self.engine) <= MOST_NEIGHBOURS else ["expand"]

    def record(self, id_: int) -> PhotoRecord:
        """Return the stored record of a photo; raise UnknownIdError if it is not in the index."""
        return PhotoRecord.from_json(self.engine.index.payload(id_))

    def facts(self, id_: int) -> PhotoFacts:
        """Return what the page needs to lay out a photo."""
        return self._facts.get((id_, self.engine.index.content), lambda: self._look_up(id_))

    def _look_up(self, id_: int) -> PhotoFacts:
        record = self.record(id_)
        version = record.digest[:12]
        width, height = self._sizes.get(version, lambda: _size(record.path))
        name = shown_name(record.path)
        return PhotoFacts(id=id_, name=name, width=width, height=height, version=version)

    def copies(self, ids: Sequence[int]) -> dict[int, int]:
        """Map each photo of a ranking that is a copy of nearer ones to the nearest of these."""
        ids = ids[:_MOST_STACKED]
        content = self.engine.index.content
        pixels = self._looks.get(content, lambda: Pixels(self.engine))
        key = content, tuple(ids)
        groups = self._copies.get(key, lambda: group_copies(self.engine, ids, pixels))
        place = {id_: row for row, id_ in enumerate(ids)}
        nearest = [(min(group, key=place.__getitem__), group) for group in groups]
        return {id_: first for first, group in nearest for id_ in group if id_ != first}

    def pixels(self, photo: QueryPhoto, side: int = 640) -> Image:
        """Return the photo of a query, rotated as it asks; shape (H, W, 3) uint8."""
        if photo.id is not None:
            image = read_image(self.record(photo.id).path, at_least=side)
        else:
            image = self.uploads.get(photo.upload or "")
        return np.ascontiguousarray(np.rot90(image, -photo.rotate // 90))

    def query(self, photo: QueryPhoto) -> str | Image:
        """Return the engine's query for a photo: a path, or pixels."""
        if (photo.id is None) == (photo.upload is None):
            raise RefusedError(
                "Expected a photo by its id or its upload; name one of them.", status=422
            )
        if photo.id is not None and not photo.rotate:
            return self.record(photo.id).path
        return self.pixels(photo)

    def label_map(self, photo: QueryPhoto) -> LabelMap:
        """Return the label map of the photo of a query, cropped as it asks."""
        version = photo.upload if photo.id is None else self.record(photo.id).digest
        key = version, photo.rotate
        whole = self._maps.get(key, lambda: self.engine.label_map(self.query(photo)))
        box = box_of(photo)
        return box.crop(whole) if box else whole

    def layout(self, painted: Painted) -> LabelMap:
        """Return a painted layout as a label map.

        Raises
        ------
        RefusedError
            If its runs do not fill it exactly, or name a class that does not exist.
        """
        classes = self.engine.index.schema.classes
        labels, lengths = np.array(painted.runs or [(0, 0)], np.int64).T
        fits = lengths.min() >= 0 and lengths.sum() == painted.width * painted.height
        if not fits or labels.min() < -1 or labels.max() >= len(classes):
            raise RefusedError(
                f"Expected runs of labels -1 to {len(classes) - 1} that fill {painted.width} x "
                f"{painted.height}, got {int(lengths.sum())} pixels; paint it again.",
                status=422,
            )
        grid = np.repeat(np.where(labels < 0, classes.void, labels), lengths)
        if (grid == classes.void).all():
            raise RefusedError(
                "Expected a painted layout, got an empty one; paint something.", status=422
            )
        return LabelMap(grid.reshape(painted.height, painted.width), classes)


def shown_name(path: str) -> str:
    """Return a photo's file name, with question marks for what is not valid Unicode."""
    return Path(path).name.encode("utf-8", "replace").decode()


def box_of(photo: QueryPhoto) -> Box | None:
    """Return the part of a photo to search by; raise QueryError if it is not a valid box."""
    if photo.crop is None:
        return None
    left, top, right, bottom = photo.crop
    return Box(left=left, top=top, right=right, bottom=bottom)


def _size(path: str) -> tuple[int, int]:
    """Return width and height of the upright photo from its header; (0, 0) if it has none."""
    try:
        with open_regular(path) as file, PillowImage.open(file) as picture:
            width, height = picture.size
            turned = picture.getexif().get(0x0112) in _TURNED
    except Exception:  # Pillow raises almost any exception type on damaged files
        return 0, 0
    return (height, width) if turned else (width, height)
