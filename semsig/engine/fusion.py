"""Both signatures of photos together: the weighted sum of their distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.engine.phrases import PhraseIndex
from semsig.engine.queries import Signatures
from semsig.errors import OptionError
from semsig.search import HammingIndex
from semsig.search.checks import check_k
from semsig.search.fusion import FusionOptions
from semsig.storage.checks import Ids
from semsig.types import Metric

METRIC: Metric = "tanimoto-idf"
"""The distance between SBS signatures, 0 to 1."""

CANDIDATES = 200
"""So many nearest by each signature, or four times as many as asked for, are compared by both."""


class FusedIndex:
    """Photos that have both signatures, searched by both.

    The distance is that of :class:`FusionOptions`. The nearest :data:`CANDIDATES`
    by either signature are compared by both: what is in neither list is not found, and for up to
    that many photos the answer is exact.

    Parameters
    ----------
    photos : HammingIndex
        Their SBS signatures.
    phrases : PhraseIndex
        Their phrases.

    Raises
    ------
    OptionError
        If the phrases' counts are not scaled: their distances have no bound.
    """

    def __init__(self, photos: HammingIndex, phrases: PhraseIndex) -> None:
        if phrases.index.schema.norm == "none":
            raise OptionError("Phrases of norm 'none' cannot be fused; index with 'sqrt' or 'l2'.")
        self._photos = photos
        self._phrases = phrases

    def __len__(self) -> int:
        return len(self._phrases)

    @property
    def content(self) -> tuple[object, ...]:
        """Identifies what is held; see :attr:`HammingIndex.content`."""
        return self._phrases.content

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of the photos with both signatures, in order of insertion."""
        return self._phrases.ids

    def to_batch(self) -> tuple[NDArray[np.int64], list[Signatures]]:
        """Return ids and both signatures of each photo."""
        ids, phrases = self._phrases.to_batch()
        both = [
            Signatures(self._photos.signature(int(id_)), phrases[row])
            for row, id_ in enumerate(ids)
        ]
        return ids, both

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
        _, alike = self._photos.search(query.sbs, limit, metric=METRIC, filter_ids=among)
        _, close = self._phrases.search([query.sbovp], limit, filter_ids=among)
        candidates = among[np.isin(among, np.union1d(alike, close))]
        cells = self._photos.search(
            query.sbs, len(candidates), metric=METRIC, filter_ids=candidates
        )
        phrases = self._phrases.search([query.sbovp], len(candidates), filter_ids=candidates)
        both = _in_order(*cells, candidates), _in_order(*phrases, candidates)
        fused = FusionOptions().fuse(*both)
        order = np.argsort(fused, kind="stable")[:k]
        return fused[order], candidates[order]


def _in_order(
    distances: NDArray[Any], ids: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the distances (1, C) of found ids in the order of `wanted`, (C,)."""
    sorter = np.argsort(ids[0])
    rows = sorter[np.searchsorted(ids[0], wanted, sorter=sorter)]
    return np.asarray(distances[0][rows], np.float32)
