"""The pooled descriptors of indexed photos: a second index, in a folder within the first one's."""

from __future__ import annotations

from semsig.engine.side import SideIndex
from semsig.search import HammingIndex, PooledIndex, is_unused
from semsig.segment import Segmenter, require_features
from semsig.signatures import PooledEncoder, PooledOptions, Projection

FOLDER = "pooled"
"""Folder of the descriptors' index within that of the photos."""

PROJECTION = "pooled.npz"
"""What they are projected by, if they are; beside that folder."""


class PooledSide(SideIndex):
    """Pooled descriptors of the photos in an SBS index.

    Parameters
    ----------
    photos : HammingIndex
        The index of photos.
    index : PooledIndex
        Their descriptors.
    projection : Projection, optional
        What these were projected by.

    Attributes
    ----------
    encoder : PooledEncoder
        What makes descriptors that compare with these.

    Raises
    ------
    ProjectionError
        If the projection is another one.
    """

    index: PooledIndex

    def __init__(
        self, photos: HammingIndex, index: PooledIndex, projection: Projection | None = None
    ) -> None:
        super().__init__(photos, index)
        self.encoder = PooledEncoder(schema=index.schema, projection=projection)

    @classmethod
    def create(
        cls, photos: HammingIndex, segmenter: Segmenter, options: PooledOptions | None = None
    ) -> PooledSide:
        """Make an empty index of descriptors beside `photos`: in its folder, or in memory.

        Raises
        ------
        OptionError
            If the segmenter gives no features, or there are descriptors already.
        IndexWriteError, ProjectionError
            If the folder cannot be written to.
        """
        channels = require_features(segmenter).n_features
        encoder = (options or PooledOptions()).encoder(segmenter.fingerprint, channels)
        index = PooledIndex(encoder.schema)
        if photos.path is not None:
            if encoder.projection is not None:
                encoder.projection.save(photos.path / PROJECTION)
            index.save(photos.path / FOLDER, overwrite=False)
            index = PooledIndex.open(photos.path / FOLDER)
        return cls(photos, index, encoder.projection)

    @classmethod
    def open(cls, photos: HammingIndex) -> PooledSide | None:
        """Open the descriptors beside `photos`; None if there are none.

        Raises
        ------
        IndexFormatError, IndexCorruptError, ProjectionError
            If their index or projection is damaged.
        """
        if photos.path is None or is_unused(photos.path / FOLDER):
            return None
        index = PooledIndex.open(photos.path / FOLDER)
        projected = bool(index.schema.projection)
        projection = Projection.open(photos.path / PROJECTION) if projected else None
        return cls(photos, index, projection)
