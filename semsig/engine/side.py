"""A further signature of indexed photos: a second index, in a folder filter_ids the first one's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.search import HammingIndex
from semsig.storage.checks import Ids


class SideIndex:
    """Signatures of another kind of the photos in an SBS index, by the same ids.

    The SBS index says which photos there are; what it lacks is never found here. Signatures are
    added after their photo and removed before it changes, so a run that is killed leaves photos
    without, which the next one signs, and never those of a photo as it was before.

    Parameters
    ----------
    photos : HammingIndex
        The index of photos.
    index : L2Index or PooledIndex
        Their other signatures.
    """

    def __init__(self, photos: HammingIndex, index: Any) -> None:
        self.index = index
        self._photos = photos

    def has(self, id_: int) -> bool:
        """Tell whether the photo of an id has a signature here."""
        return bool((self.index.ids == id_).any())

    def add(self, ids: Ids, signatures: Sequence[Any]) -> None:
        """Add the signatures of photos that have none."""
        self.index.add(signatures, ids=ids)

    def remove(self, ids: Ids) -> None:
        """Remove the signatures of photos, of those that have some."""
        self.index.remove(np.intersect1d(np.asarray(ids, np.int64), self.index.ids))

    def trim(self) -> None:
        """Remove the signatures of photos that are no longer there."""
        self.remove(np.setdiff1d(self.index.ids, self._photos.ids))

    @property
    def content(self) -> tuple[object, ...]:
        """Identifies what is held; see :attr:`HammingIndex.content`."""
        return (*self._photos.content, *self.index.content)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of the photos that have signatures here, in the photos' order."""
        ids, own = self._photos.ids, self.index.ids
        return ids if np.array_equal(ids, own) else ids[np.isin(ids, own)]

    def to_batch(self) -> tuple[NDArray[np.int64], Any]:
        """Return the ids of :attr:`ids` and their signatures."""
        kept = self.ids
        ids, batch = self.index.to_batch()
        rows = np.argsort(ids)[np.searchsorted(np.sort(ids), kept)]
        return kept, type(batch).of([batch[int(row)] for row in rows], self.index.schema)

    def search(
        self, queries: Any, k: int, *, filter_ids: Ids | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the nearest photos; see the index's own search."""
        found: tuple[NDArray[np.float32], NDArray[np.int64]] = self.index.search(
            queries, k, filter_ids=self._present(filter_ids)
        )
        return found

    def _present(self, filter_ids: Ids | None) -> NDArray[np.int64] | None:
        """Return which ids to search among; None for all of the index."""
        ids = self.ids
        if filter_ids is None:
            return None if len(ids) == len(self.index) else ids
        return np.intersect1d(np.asarray(filter_ids, np.int64), ids)
