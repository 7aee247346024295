"""The pooled descriptors of indexed photos: a second index, in a folder within the first one's."""

from __future__ import annotations

from semsig.arguments import NOTHING, expect
from semsig.engine.side import SideIndex
from semsig.search import HammingIndex, PooledIndex, is_unused
from semsig.segment import Segmenter, require_features
from semsig.signatures import PooledOptions

FOLDER = "pooled"
"""Folder of the descriptors' index within that of the photos."""


class PooledSide(SideIndex):
    """Pooled descriptors of the photos in an SBS index."""

    index: PooledIndex

    @classmethod
    def create(
        cls, photos: HammingIndex, segmenter: Segmenter, options: PooledOptions | None = None
    ) -> PooledSide:
        """Make an empty index of descriptors beside `photos`: in its folder, or in memory.

        Raises
        ------
        OptionError
            If the segmenter gives no features, or there are descriptors already.
        IndexWriteError
            If the folder cannot be written to.
        """
        expect("options", options, (PooledOptions, NOTHING))
        schema = (options or PooledOptions()).schema(
            segmenter.fingerprint, require_features(segmenter).n_features
        )
        index = PooledIndex(schema)
        if photos.path is not None:
            index.save(photos.path / FOLDER, overwrite=False)
            index = PooledIndex.open(photos.path / FOLDER)
        return cls(photos, index)

    @classmethod
    def open(cls, photos: HammingIndex) -> PooledSide | None:
        """Open the descriptors beside `photos`; None if there are none.

        Raises
        ------
        IndexFormatError, IndexCorruptError
            If their index is damaged.
        """
        if photos.path is None or is_unused(photos.path / FOLDER):
            return None
        return cls(photos, PooledIndex.open(photos.path / FOLDER))
