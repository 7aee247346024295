"""Near-duplicates among indexed photos: groups, and which photo of each is best kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from semsig.engine.engine import Engine
from semsig.errors import ImageError, OptionError, QueryError
from semsig.photo import PhotoRecord
from semsig.photo.image_files import read_image

By = Literal["pooled", "tanimoto", "containment"]

WITHIN: dict[By, float] = {"pooled": 0.25, "tanimoto": 0.2, "containment": 0.1}
"""Radius by default. Of copies of 250 training photos, pooled 0.25 finds those saved again at
quality 30 (99 of 100), darkened, or mirrored (all), cropped by 5 % a side (99) or 10 % (88), and
at half the size (74); 6 of 100 photos have another within it, most of them frames of one film."""

_AT_ONCE = 256
_SHARP_SIDE = 512
_TAKEN = 36867
_EXIF = 0x8769


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A photo of a group of near-duplicates.

    Parameters
    ----------
    id : int
        Id in the index.
    path : str
        The file.
    width, height : int
        Pixels, as stored; 0 if the file cannot be read.
    bytes : int
        Size of the file.
    taken : str
        When it was taken as its EXIF has it, or last changed: ISO 8601, no time zone.
    sharpness : float
        Variance of the Laplacian of its grey values at 512 pixels a side.
    best : bool
        Whether it is the one to keep: most pixels, then sharpest, then most bytes.
    """

    id: int
    path: str
    width: int = 0
    height: int = 0
    bytes: int = 0
    taken: str = ""
    sharpness: float = 0.0
    best: bool = False


def find_duplicates(
    engine: Engine, *, within: float | None = None, by: By | None = None
) -> list[list[Copy]]:
    """Group photos that lie within a radius of one another, directly or through others.

    Parameters
    ----------
    engine : Engine
        The index.
    within : float, optional
        Largest distance; see :data:`WITHIN`.
    by : {"pooled", "tanimoto", "containment"}, optional
        The distance: pooled where the index has it, or "tanimoto". "containment" takes a photo
        for a copy if its blocks hold all that the other's do.

    Returns
    -------
    list of list of Copy
        Groups of two photos at least, the largest first; in each the best photo first.

    Raises
    ------
    OptionError
        If `by` is none of these.
    QueryError
        If the index holds no pooled descriptors and they are asked for.
    """
    by = by or ("pooled" if "pooled" in engine.sides else "tanimoto")
    if by not in WITHIN:
        raise OptionError(f"Expected by to be one of {', '.join(WITHIN)}; got {by!r}.")
    if by == "pooled" and "pooled" not in engine.sides:
        raise QueryError("Expected pooled descriptors, got none; leave out by, or say tanimoto.")
    groups = _groups(engine, WITHIN[by] if within is None else within, by)
    return [_judged([_copy(engine, id_) for id_ in group]) for group in groups]


def _groups(engine: Engine, within: float, by: By) -> list[list[int]]:
    """Return connected components of two ids at least, the largest first."""
    index: Any = engine.sides["pooled"].index if by == "pooled" else engine.index
    how = {} if by == "pooled" else {"metric": by}
    ids, batch = index.to_batch()
    known = set(engine.index.ids.tolist())
    root: dict[int, int] = {int(id_): int(id_) for id_ in ids if int(id_) in known}

    def find(id_: int) -> int:
        while root[id_] != id_:
            root[id_] = root[root[id_]]  # halves the way for whoever comes next
            id_ = root[id_]
        return id_

    for first in range(0, len(ids), _AT_ONCE):
        answers = index.search_radius(batch[first : first + _AT_ONCE], within, **how)
        for id_, (_, near) in zip(ids[first:].tolist(), answers, strict=False):
            for other in near.tolist():
                if id_ in root and other in root:
                    root[find(other)] = find(id_)
    members: dict[int, list[int]] = {}
    for id_ in root:
        members.setdefault(find(id_), []).append(id_)
    return sorted((m for m in members.values() if len(m) > 1), key=len, reverse=True)


def _copy(engine: Engine, id_: int) -> Copy:
    record = PhotoRecord.from_json(engine.index.payload(id_))
    taken = datetime.fromtimestamp(record.mtime_ns / 1e9).isoformat(timespec="seconds")
    plain = Copy(id=id_, path=record.path, bytes=record.size, taken=taken)
    try:
        image = read_image(record.path, at_least=_SHARP_SIDE)
    except ImageError:
        return plain
    width, height, exif = _header(record.path)
    return Copy(
        id=id_,
        path=record.path,
        width=width,
        height=height,
        bytes=record.size,
        taken=exif or taken,
        sharpness=_sharpness(image),
    )


def _header(path: str) -> tuple[int, int, str]:
    """Return width, height and time taken ("" if it is not said) of a photo that can be read."""
    with PillowImage.open(Path(path)) as picture:
        try:
            said = str(picture.getexif().get_ifd(_EXIF).get(_TAKEN, ""))
            return (*picture.size, datetime.strptime(said, "%Y:%m:%d %H:%M:%S").isoformat())
        except Exception:  # Pillow raises nearly every type there is on damaged EXIF
            return (*picture.size, "")


def _sharpness(image: NDArray[np.uint8]) -> float:
    scale = _SHARP_SIDE / max(image.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return round(float(cv2.Laplacian(grey, cv2.CV_64F).var()), 1)


def _judged(copies: list[Copy]) -> list[Copy]:
    ranked = sorted(copies, key=lambda c: (-c.width * c.height, -c.sharpness, -c.bytes, c.id))
    return [replace(copy, best=at == 0) for at, copy in enumerate(ranked)]
