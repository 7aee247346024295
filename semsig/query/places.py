"""Places in a picture by name, and the blocks that lie in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from semsig.errors import QueryError

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of the picture; a block lies in it if the block's centre does.

    Parameters
    ----------
    name : str
        What it is called.
    rows, columns : (int, int)
        Where it begins and ends, in sixths of the picture's height and width.
    """

    name: str
    rows: Span = (0, 6)
    columns: Span = (0, 6)

    def blocks(self, levels: int) -> NDArray[np.bool_]:
        """Return which of the 4^n blocks of level n lie in the place, shape (4^n,).

        Raises
        ------
        QueryError
            If there are none: blocks of level 0 and 1 are too large for a middle or a corner.
        """
        rows, columns = _between(self.rows, levels), _between(self.columns, levels)
        inside = np.outer(rows, columns).ravel()
        if not inside.any():
            raise QueryError(
                f"Signatures of level {levels} cut a picture in {4**levels} blocks; none lies in "
                f"{self.name!r}. Name a larger place, or index with more levels."
            )
        return inside


def _between(span: Span, levels: int) -> NDArray[np.bool_]:
    """Tell which of 2^n blocks in a line have their centre, (2 i + 1) / 2^(n + 1), in a span."""
    centre = 6 * (2 * np.arange(2**levels) + 1)
    unit = 2 ** (levels + 1)
    return np.asarray((centre > span[0] * unit) & (centre < span[1] * unit))


def _all_places() -> Mapping[str, Place]:
    rows = {"top": (0, 2), "centre": (2, 4), "bottom": (4, 6)}
    columns = {"left": (0, 2), "centre": (2, 4), "right": (4, 6)}
    corners = [
        Place(row if row == column else f"{row}-{column}", rows[row], columns[column])
        for row in rows
        for column in columns
    ]
    others = [
        Place("top", rows=(0, 2)),
        Place("bottom", rows=(4, 6)),
        Place("left", columns=(0, 2)),
        Place("right", columns=(4, 6)),
        *corners,
        Place("middle-row", rows=(2, 4)),
        Place("middle-column", columns=(2, 4)),
        Place("top-half", rows=(0, 3)),
        Place("bottom-half", rows=(3, 6)),
        Place("left-half", columns=(0, 3)),
        Place("right-half", columns=(3, 6)),
    ]
    return MappingProxyType({place.name: place for place in others})


ANYWHERE = Place("anywhere")
"""The whole picture."""

PLACES = _all_places()
"""Thirds, ninths and halves of the picture by name."""

_SAME = {"center": "centre", "middle": "centre", "upper": "top", "lower": "bottom"}


def _words(name: str) -> frozenset[str]:
    words = re.split(r"[\s_-]+", name.strip().casefold())
    return frozenset(_SAME.get(word, word) for word in words) - {"third"}


_BY_WORDS = {_words(place.name): place for place in (ANYWHERE, *PLACES.values())}


def find_place(name: str) -> Place | None:
    """Return the place called `name`, or None.

    Words come in any order, joined by hyphens, spaces or underscores; center and middle mean
    centre, upper means top, lower bottom, and top-third is top.
    """
    return _BY_WORDS.get(_words(name))
