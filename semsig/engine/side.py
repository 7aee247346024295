"""One kind of signature of indexed photos: its index, and the encoder that feeds it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from semsig.errors import IndexStorageError, SemsigError, SignatureError
from semsig.query import Conditions
from semsig.search import HammingIndex, is_unused
from semsig.signatures import Encoder, Inputs, SignatureKind, load_signature, signature_kinds
from semsig.storage.checks import Ids

PHOTOS = "sbs"
"""The signature whose index says which photos there are."""


class SideIndex:
    """Signatures of one kind of the photos in an index, by the same ids.

    The index of photos is authoritative: other ids are never found here. Signatures are added
    after their photo and removed before it changes, so a killed run leaves photos without a
    signature, which the next run adds, and never a signature of an earlier state of a photo.

    Parameters
    ----------
    photos : HammingIndex
        The index of photos.
    kind : SignatureKind
        What kind of signatures.
    index : SearchedCollection
        The signatures: a folder within that of the photos, or the index of photos itself.
    encoder : Encoder
        Makes more of them.
    """

    def __init__(
        self, photos: HammingIndex, kind: SignatureKind, index: Any, encoder: Encoder
    ) -> None:
        self.kind = kind
        self.index = index
        self.encoder = encoder
        self._photos = photos

    @classmethod
    def create(cls, photos: HammingIndex, kind: SignatureKind, encoder: Encoder) -> Self:
        """Make an empty index next to `photos`: in its folder, or in memory.

        Raises
        ------
        OptionError
            If there is one already.
        VocabularyError, IndexWriteError
            If the folder cannot be written to.
        """
        index = kind.index(encoder.schema)
        if photos.path is not None:
            kind.keep(encoder, photos.path)
            index.save(photos.path / kind.folder, overwrite=False)
            index = kind.index.open(photos.path / kind.folder)
        return cls(photos, kind, index, encoder)

    @classmethod
    def open(cls, photos: HammingIndex, kind: SignatureKind) -> Self | None:
        """Open the signatures stored with `photos`; None if there are none.

        Raises
        ------
        IndexFormatError, IndexCorruptError, SignatureError
            If they, or what their encoder needs, are damaged.
        """
        if photos.path is None or is_unused(photos.path / kind.folder):
            return None
        index = kind.index.open(photos.path / kind.folder, verify=photos.verified)
        return cls(photos, kind, index, kind.encoder_of(index.schema, photos.path))

    def has(self, id_: int) -> bool:
        """Tell whether the photo of an id has a signature here."""
        return bool((self.index.ids == id_).any())

    def known(self, id_: int, absent: Conditions) -> Any | None:
        """Return the signature of an indexed photo, as if classes were absent.

        None if it has none here, or it cannot be made from the signature alone.
        """
        if not self.has(id_):
            return None
        signature = self.index.signature(id_)
        if not len(absent) or not self.encoder.needs.label_map:
            return signature
        return self.kind.leave_out and self.kind.leave_out(signature, absent)

    def encode(self, photo: Inputs, absent: Conditions) -> Any:
        """Return the signature of a photo, as if classes were absent."""
        if self.kind.leave_out is not None:
            return self.kind.leave_out(self.encoder(photo), absent)
        return self.encoder(photo.without(absent))

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
        """Identifies the content; see :attr:`HammingIndex.content`."""
        return (*self._photos.content, *self.index.content)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of the photos that have signatures here, in the photos' order."""
        ids, own = self._photos.ids, self.index.ids
        same = self.index is self._photos or np.array_equal(ids, own)
        return ids if same else ids[np.isin(ids, own)]

    def to_batch(self) -> tuple[NDArray[np.int64], Any]:
        """Return the ids of :attr:`ids` and their signatures."""
        kept = self.ids
        ids, batch = self.index.to_batch()
        if np.array_equal(ids, kept):
            return ids, batch
        rows = np.argsort(ids)[np.searchsorted(np.sort(ids), kept)]
        return kept, type(batch).of([batch[int(row)] for row in rows], self.index.schema)

    def search(
        self, queries: Any, k: int, *, filter_ids: Ids | None = None, **options: Any
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Find the nearest photos; see the index's own search."""
        found: tuple[NDArray[Any], NDArray[np.int64]] = self.index.search(
            queries, k, filter_ids=self._present(filter_ids), **options
        )
        return found

    def _present(self, filter_ids: Ids | None) -> Ids | None:
        """Return the ids to search among; None for the whole index."""
        if self.index is self._photos:
            return filter_ids
        ids = self.ids
        if filter_ids is None:
            return None if len(ids) == len(self.index) else ids
        return np.intersect1d(np.asarray(filter_ids, np.int64), ids)


def photo_side(photos: HammingIndex) -> SideIndex:
    """Return the index of photos as one of its signatures."""
    kind = load_signature(PHOTOS)
    return SideIndex(photos, kind, photos, kind.encoder_of(photos.schema, Path()))


def open_sides(photos: HammingIndex) -> tuple[dict[str, SideIndex], dict[str, SemsigError]]:
    """Open the further signatures in an index's folder.

    Returns
    -------
    sides : dict of str to SideIndex
        Those that can be read, by name.
    lost : dict of str to SemsigError
        Why others cannot be read; searches by SBS work without them.
    """
    sides: dict[str, SideIndex] = {}
    lost: dict[str, SemsigError] = {}
    for kind in signature_kinds():
        if kind.name == PHOTOS:
            continue
        try:
            side = SideIndex.open(photos, kind)
        except (IndexStorageError, SignatureError) as error:
            lost[kind.name] = error
        else:
            sides |= {} if side is None else {kind.name: side}
    return sides, lost
