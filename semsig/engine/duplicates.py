"""Near-duplicates among indexed photos: groups, and which photo of each is best kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from semsig.durable import open_regular
from semsig.engine.adding import Progress
from semsig.engine.engine import Engine
from semsig.errors import ImageError, OptionError, QueryError
from semsig.opencv import cv2
from semsig.photo import PhotoRecord
from semsig.photo.image_files import read_image

By = Literal["pooled", "tanimoto", "containment"]

WITHIN: dict[By, float] = {"pooled": 0.6, "tanimoto": 0.5, "containment": 0.4}
"""Radius by default, within which pixels decide. Of copies of 250 training photos that were
cropped by 20 % per side, the hardest, pooled 0.6 reaches 95 of 100; tanimoto 0.5, 65."""

ALIKE = 0.93
"""Least correlation of two copies. Of copies of 150 training photos 98 of 100 reach it or more
(half the size, saved again at quality 30, darkened, grey, mirrored: all; cropped by 5, 10 or 20 %
a side: 98); of their neighbours within the radius, the copies that the set holds among them, 2."""

_AT_ONCE = 256
_SHARP_SIDE = 512
_SMALL_SIDE = 96
_COARSE = 3
"""How many times smaller photos are at a first look, which most pairs do not pass."""
_COARSE_SLACK = 0.13
_MOST_LOOKS = 8
"""Nearest photos whose pixels are looked at: copies of one are nearest to it, or to each other."""
_MOST_APART = 1 << 20
"""Pairs that are remembered not to be copies: 8 a photo for 100,000 photos, 130 MB at most."""
_SCALES = tuple(1 - 0.05 * step for step in range(9))
"""Sizes at which one photo is looked for within the other: crops keep 60 % of a side at least."""
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
        Variance of the Laplacian of its grey values at 512 pixels per side.
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
    engine: Engine,
    *,
    within: float | None = None,
    by: By | None = None,
    alike: float = ALIKE,
    progress: Progress | None = None,
) -> list[list[Copy]]:
    """Group photos that are copies of one another, directly or through others.

    Signatures say which may be, pixels which are: one is looked for within the other, mirrored
    too, in grey and at 96 pixels per side.

    Parameters
    ----------
    engine : Engine
        The index.
    within : float, optional
        Largest distance; see :data:`WITHIN`.
    by : {"pooled", "tanimoto", "containment"}, optional
        The distance: pooled where the index has it, or "tanimoto". "containment" takes a photo
        for a copy if its blocks hold all that the other's do.
    alike : float
        Least correlation of the pixels, -1 to 1; -1 groups all within the radius, unread.
    progress : callable, optional
        Called for each photo with how many are done, and of how many.

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
    by = by or by_default(engine)
    if by not in WITHIN:
        raise OptionError(f"Expected by to be one of {', '.join(WITHIN)}; got {by!r}.")
    if by == "pooled" and "pooled" not in engine.sides:
        raise QueryError("Expected pooled descriptors, got none; leave out by, or say tanimoto.")
    radius = WITHIN[by] if within is None else within
    groups = _groups(engine, _index(engine, by), radius, by, Pixels(engine, alike), progress)
    return [_judged([_copy(engine, id_) for id_ in group]) for group in groups]


def group_copies(engine: Engine, ids: Sequence[int], pixels: Pixels) -> list[list[int]]:
    """Group some photos that are copies of one another, as :func:`find_duplicates` does all.

    Parameters
    ----------
    engine : Engine
        The index.
    ids : sequence of int
        The photos, by ids; those without a signature are left out.
    pixels : Pixels
        Remembers what was read and compared: the same for all calls on one index.

    Returns
    -------
    list of list of int
        Groups of two ids at least.
    """
    by = by_default(engine)
    whole = _index(engine, by)
    held = [id_ for id_ in ids if by != "pooled" or engine.sides[by].has(id_)]
    few = type(whole)(whole.schema)
    few.add([whole.signature(id_) for id_ in held], ids=held)
    return _groups(engine, few, WITHIN[by], by, pixels)


def by_default(engine: Engine) -> By:
    """Return the distance that photos are compared by if none is named."""
    return "pooled" if "pooled" in engine.sides else "tanimoto"


def _index(engine: Engine, by: By) -> Any:
    return engine.sides["pooled"].index if by == "pooled" else engine.index


def _groups(
    engine: Engine,
    index: Any,
    within: float,
    by: By,
    pixels: Pixels,
    progress: Progress | None = None,
) -> list[list[int]]:
    """Return connected components of two ids at least, the largest first."""
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
        for done, (id_, (_, near)) in enumerate(
            zip(ids[first:].tolist(), answers, strict=False), first
        ):
            if progress is not None:
                progress(done, len(ids))
            others = [other for other in near.tolist() if other != id_ and other in root]
            for other in others[: pixels.most] if id_ in root else ():
                if find(other) != find(id_) and pixels.agree(id_, other):
                    root[find(other)] = find(id_)
    members: dict[int, list[int]] = {}
    for id_ in root:
        members.setdefault(find(id_), []).append(id_)
    return sorted((m for m in members.values() if len(m) > 1), key=len, reverse=True)


class Pixels:
    """Compares indexed photos by their pixels.

    Parameters
    ----------
    engine : Engine
        The index.
    alike : float
        Least correlation of two copies.
    """

    def __init__(self, engine: Engine, alike: float = ALIKE) -> None:
        self._engine, self._alike = engine, alike
        self._large = lru_cache(2048)(self._read)
        # 1 kB each: all of 100,000 photos fit, so that each is read once
        self._coarse = lru_cache(1 << 17)(self._shrink)
        self._apart: set[tuple[int, int]] = set()

    @property
    def most(self) -> int | None:
        """How many of a photo's nearest are worth a look; None for all."""
        return None if self._alike <= -1 else _MOST_LOOKS

    def agree(self, a: int, b: int) -> bool:
        """Tell whether one photo is in the other; False if either cannot be read."""
        if self._alike <= -1:
            return True
        if (b, a) in self._apart:
            return False
        alike = self._compare(a, b)
        if not alike:
            if len(self._apart) >= _MOST_APART:
                self._apart.clear()
            self._apart.add((a, b))
        return alike

    def _compare(self, a: int, b: int) -> bool:
        first, second = self._coarse(a), self._coarse(b)
        if first is None or second is None:
            return False
        least = self._alike - _COARSE_SLACK
        fitting = [n for n, pair in enumerate(_orders(first, second)) if _inside(*pair, least)]
        if not fitting:
            return False
        first, second = self._large(a), self._large(b)
        if first is None or second is None:
            return False
        pairs = _orders(first, second)
        return any(_inside(*pairs[n], self._alike) for n in fitting)

    def _read(self, id_: int) -> Any:
        try:
            image = read_image(self._engine.path(id_), at_least=_SMALL_SIDE)
        except ImageError:
            return None
        return cv2.GaussianBlur(_grey(image, _SMALL_SIDE), (3, 3), 0)

    def _shrink(self, id_: int) -> Any:
        large = self._large(id_)
        return None if large is None else _shrunk(large, _SMALL_SIDE // _COARSE)


def _orders(a: Any, b: Any) -> list[tuple[Any, Any]]:
    """Return which photo may be in which, plain and mirrored."""
    return [(a, b), (b, a), (a, cv2.flip(b, 1)), (b, cv2.flip(a, 1))]


def _inside(whole: Any, part: Any, least: float) -> bool:
    """Tell whether `part`, at one of some sizes, is somewhere in `whole`."""
    for scale in _SCALES:
        height, width = (round(side * scale) for side in part.shape)
        # rounding makes copies differ by a pixel or two in their shorter side
        if height > whole.shape[0] + 2 or width > whole.shape[1] + 2:
            continue
        size = min(width, whole.shape[1]), min(height, whole.shape[0])
        scaled = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        if cv2.matchTemplate(whole, scaled, cv2.TM_CCOEFF_NORMED).max() >= least:
            return True
    return False


def _grey(image: NDArray[np.uint8], side: int) -> Any:
    return cv2.cvtColor(_shrunk(image, side), cv2.COLOR_RGB2GRAY)


def _shrunk(image: NDArray[np.uint8], side: int) -> Any:
    scale = side / max(image.shape[:2])
    size = tuple(max(8, round(length * scale)) for length in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _copy(engine: Engine, id_: int) -> Copy:
    record = PhotoRecord.from_json(engine.index.payload(id_))
    taken = datetime.fromtimestamp(record.mtime_ns / 1e9).isoformat(timespec="seconds")
    path = engine.path(id_)
    plain = Copy(id=id_, path=path, bytes=record.size, taken=taken)
    try:
        image = read_image(path, at_least=_SHARP_SIDE)
    except ImageError:
        return plain
    width, height, exif = _header(path)
    return Copy(
        id=id_,
        path=path,
        width=width,
        height=height,
        bytes=record.size,
        taken=exif or taken,
        sharpness=_sharpness(image),
    )


def _header(path: str) -> tuple[int, int, str]:
    """Return width, height and time taken ("" if it is not said) of a photo that can be read."""
    with open_regular(path) as file, PillowImage.open(file) as picture:
        try:
            said = str(picture.getexif().get_ifd(_EXIF).get(_TAKEN, ""))
            return (*picture.size, datetime.strptime(said, "%Y:%m:%d %H:%M:%S").isoformat())
        except Exception:  # Pillow raises nearly every type there is on damaged EXIF
            return (*picture.size, "")


def _sharpness(image: NDArray[np.uint8]) -> float:
    return round(float(cv2.Laplacian(_grey(image, _SHARP_SIDE), cv2.CV_64F).var()), 1)


def _judged(copies: list[Copy]) -> list[Copy]:
    ranked = sorted(copies, key=lambda c: (-c.width * c.height, -c.sharpness, -c.bytes, c.id))
    return [replace(copy, best=at == 0) for at, copy in enumerate(ranked)]
