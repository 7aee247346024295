"""The phrases of indexed photos: a second index, in a folder within the first one's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.durable import make_folder
from semsig.engine.photo import PhotoPath
from semsig.errors import SignatureError
from semsig.image import read_image
from semsig.index import HammingIndex, L2Index, is_unused
from semsig.index.checks import Ids
from semsig.signature import SbovpOptions, Vocabulary, load_detector, sbovp
from semsig.types import Image, Keypoints, LabelMap, SbovpBatch, SbovpSignature

INDEX = "sbovp/index"
"""Folder of the phrases' index within that of the photos."""

VOCABULARY = "sbovp/vocabulary.npz"
"""Their words."""


class PhraseIndex:
    """SBOVP signatures of the photos in an SBS index, by the same ids.

    The SBS index says which photos there are; what it lacks is never found here. Phrases are
    added after their photo and removed before it changes, so a run that is killed leaves photos
    without phrases, which the next one signs, and never those of a photo as it was before.

    Parameters
    ----------
    photos : HammingIndex
        The index of photos.
    index : L2Index
        Their phrases.
    vocabulary : Vocabulary
        The words.

    Attributes
    ----------
    options : SbovpOptions
        How words become phrases.

    Raises
    ------
    SignatureError
        If the phrases were made with another vocabulary.
    """

    def __init__(self, photos: HammingIndex, index: L2Index, vocabulary: Vocabulary) -> None:
        if index.schema.vocabulary != vocabulary.fingerprint:
            raise SignatureError(
                f"{index.path} was made with vocabulary {index.schema.vocabulary[:12]}..., beside "
                f"it lies {vocabulary.fingerprint[:12]}...; bring the first one back."
            )
        self.index = index
        self.vocabulary = vocabulary
        self._photos = photos
        names = (option.name for option in fields(SbovpOptions))
        self.options = SbovpOptions(**{name: getattr(index.schema, name) for name in names})
        self._detect = load_detector(vocabulary.detector, vocabulary.options)

    @classmethod
    def create(
        cls, photos: HammingIndex, vocabulary: Vocabulary, options: SbovpOptions | None = None
    ) -> PhraseIndex:
        """Make an empty index of phrases beside `photos`: in its folder, or in memory.

        Raises
        ------
        OptionError
            If so many words over so many classes are too many, or there are phrases already.
        VocabularyError, IndexWriteError
            If the folder cannot be written to.
        """
        schema = (options or SbovpOptions()).schema(vocabulary, photos.schema.classes)
        index = L2Index(schema)
        if photos.path is not None:
            make_folder((photos.path / VOCABULARY).parent)
            vocabulary.save(photos.path / VOCABULARY)
            index.save(photos.path / INDEX, overwrite=False)
            index = L2Index.open(photos.path / INDEX)
        return cls(photos, index, vocabulary)

    @classmethod
    def open(cls, photos: HammingIndex) -> PhraseIndex | None:
        """Open the phrases beside `photos`; None if there are none.

        Raises
        ------
        VocabularyError
            If their vocabulary is missing or damaged.
        IndexFormatError, IndexCorruptError
            If their index is damaged.
        """
        if photos.path is None or is_unused(photos.path / INDEX):
            return None
        vocabulary = Vocabulary.open(photos.path / VOCABULARY)
        return cls(photos, L2Index.open(photos.path / INDEX), vocabulary)

    def read(self, path: PhotoPath) -> Image:
        """Read a photo no larger than keypoints are looked for in it; ImageError if it fails."""
        return read_image(path, at_least=self.vocabulary.options.max_side)

    def sign(self, image: Image, label_map: LabelMap) -> SbovpSignature:
        """Return the phrases of a photo, shape (H, W, 3) uint8 RGB, with its label map."""
        return sbovp(self.keypoints(image), label_map, self.vocabulary, self.options)

    def keypoints(self, image: Image) -> Keypoints:
        """Return the keypoints of a photo, shape (H, W, 3) uint8 RGB."""
        return self._detect(image)

    def has(self, id_: int) -> bool:
        """Tell whether the photo of an id has phrases."""
        return bool((self.index.ids == id_).any())

    def add(self, ids: Ids, signatures: Sequence[SbovpSignature]) -> None:
        """Add the phrases of photos that have none."""
        self.index.add(signatures, ids=ids)

    def remove(self, ids: Ids) -> None:
        """Remove the phrases of photos, of those that have some."""
        self.index.remove(np.intersect1d(np.asarray(ids, np.int64), self.index.ids))

    def trim(self) -> None:
        """Remove the phrases of photos that are no longer there."""
        self.remove(np.setdiff1d(self.index.ids, self._photos.ids))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of the photos that have phrases, in the photos' order."""
        ids, own = self._photos.ids, self.index.ids
        return ids if np.array_equal(ids, own) else ids[np.isin(ids, own)]

    def to_batch(self) -> tuple[NDArray[np.int64], SbovpBatch]:
        """Return the ids of :attr:`ids` and their phrases."""
        kept = self.ids
        ids, batch = self.index.to_batch()
        rows = np.argsort(ids)[np.searchsorted(np.sort(ids), kept)]
        return kept, SbovpBatch.of([batch[int(row)] for row in rows], self.index.schema)

    def search(
        self, queries: Any, k: int, *, within: Ids | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the nearest photos by their phrases; see :meth:`L2Index.search`."""
        return self.index.search(queries, k, within=self._present(within))

    def _present(self, within: Ids | None) -> NDArray[np.int64] | None:
        """Return which ids to search among; None for all of the index."""
        ids = self.ids
        if within is None:
            return None if len(ids) == len(self.index) else ids
        return np.intersect1d(np.asarray(within, np.int64), ids)
