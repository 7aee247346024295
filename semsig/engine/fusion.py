"""Several signatures of photos together: the weighted mean of their distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.engine.side import SideIndex
from semsig.errors import OptionError
from semsig.search.checks import check_k
from semsig.search.fusion import FusionOptions
from semsig.storage.checks import Ids

Signatures = Mapping[str, Any]
"""A photo's signatures by name."""

CANDIDATES = 200
"""Number of nearest by each signature that are compared by all; at least 4 k."""


class FusedIndex:
    """Photos that have several signatures, searched by all of them.

    The distance is that of :class:`FusionOptions`. The nearest :data:`CANDIDATES` by each
    signature are compared by all, so a photo in none of these lists is not found; the answer
    is exact for indexes of up to that many photos.

    Parameters
    ----------
    sides : mapping of str to SideIndex
        The signatures, by name.
    options : FusionOptions
        What each counts.

    Raises
    ------
    OptionError
        If the distance of one is unbounded, as that of phrases without scaled counts.
    """

    def __init__(self, sides: Mapping[str, SideIndex], options: FusionOptions) -> None:
        self._sides = sides
        self._options = options
        self._scales = {name: side.kind.scale(side.index.schema) for name, side in sides.items()}
        for name, scale in self._scales.items():
            if not scale:
                raise OptionError(
                    f"Expected signatures of bounded distances to fuse, got {name!r} of "
                    f"{sides[name].index.schema.describe()}; phrases need norm 'sqrt' or 'l2'."
                )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def content(self) -> tuple[object, ...]:
        """Identifies the content; see :attr:`HammingIndex.content`."""
        return tuple(part for side in self._sides.values() for part in side.content)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of the photos with all signatures, in order of insertion."""
        first, *others = (side.ids for side in self._sides.values())
        return reduce(lambda ids, other: ids[np.isin(ids, other)], others, first)

    def to_batch(self) -> tuple[NDArray[np.int64], list[Signatures]]:
        """Return ids and all signatures of each photo."""
        ids = self.ids
        return ids, [
            {name: side.index.signature(int(id_)) for name, side in self._sides.items()}
            for id_ in ids
        ]

    def search(
        self, queries: Sequence[Signatures], k: int, *, filter_ids: Ids | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the nearest photos of each query.

        Parameters
        ----------
        queries : sequence of Signatures
            Q photos.
        k : int
            At least 1.
        filter_ids : array_like of int, optional
            Search among these ids only.

        Returns
        -------
        distances : ndarray of float32, shape (Q, k)
            Ascending.
        ids : ndarray of int64, shape (Q, k)
            Ties in order of insertion. Both are -1 where there are fewer than k photos.
        """
        k = check_k(k, len(self))
        ids = self.ids
        among = ids if filter_ids is None else ids[np.isin(ids, np.asarray(filter_ids, np.int64))]
        distances = np.full((len(queries), k), -1, np.float32)
        found = np.full((len(queries), k), -1, np.int64)
        for row, query in enumerate(queries):
            near, nearest = self._one(query, k, among)
            distances[row, : len(near)], found[row, : len(near)] = near, nearest
        return distances, found

    def _one(
        self, query: Signatures, k: int, among: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if not len(among):
            return np.zeros(0, np.float32), among
        limit = min(max(CANDIDATES, 4 * k), len(among))
        near = [self._search(name, query, limit, among)[1] for name in self._sides]
        candidates = among[np.isin(among, np.concatenate(near, axis=1))]
        by_name = {
            name: self._scales[name] * _in_order(*found, candidates)
            for name in self._sides
            for found in [self._search(name, query, len(candidates), candidates)]
        }
        fused = self._options.fuse(by_name)
        order = np.argsort(fused, kind="stable")[:k]
        return fused[order], candidates[order]

    def _search(
        self, name: str, query: Signatures, limit: int, among: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        side = self._sides[name]
        options = side.kind.search_options(side.kind.fused_metric)
        return side.search([query[name]], limit, filter_ids=among, **options)


def _in_order(
    distances: NDArray[Any], ids: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the distances (1, C) of found ids in the order of `wanted`, (C,)."""
    sorter = np.argsort(ids[0])
    rows = sorter[np.searchsorted(ids[0], wanted, sorter=sorter)]
    return np.asarray(distances[0][rows], np.float32)
