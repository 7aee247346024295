"""Photos by key, from files or uploads, with the payloads of an application."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.engine.adding import Signed
from semsig.engine.catalogue import find_key
from semsig.engine.side import PHOTOS, SideIndex
from semsig.errors import OptionError, QueryError, UnknownIdError
from semsig.photo import PhotoPath, PhotoRecord
from semsig.photo.image_files import ImageSource, read_image
from semsig.search import HammingIndex
from semsig.segment import Segmenter
from semsig.signatures import Inputs, Signer
from semsig.storage.keys import Entry
from semsig.types import Image, LabelMap

PayloadTest = Callable[[Any], bool] | Mapping[str, Any]
"""A test of a photo's payload: a function, or entries that the payload must have."""


class KeyedPhotos:
    """The part of an :class:`~semsig.engine.Engine` that works like a dict of its photos.

    A key is the path of a photo that was added from a file, or the text under which an upload
    was put.
    """

    index: HammingIndex
    sides: dict[str, SideIndex]

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter."""
        raise NotImplementedError

    def _require_whole(self) -> None:
        raise NotImplementedError

    def __contains__(self, key: object) -> bool:
        """Tell whether the photo of a path or key is in the index."""
        return isinstance(key, str | os.PathLike) and find_key(self.index, key) is not None

    def __iter__(self) -> Iterator[str]:
        """Yield the photos' keys in order of insertion."""
        return (PhotoRecord.from_json(text).path for text in self.index.payloads)

    def get(self, key: PhotoPath, default: Any = None) -> Any:
        """Return the :class:`Entry` of a photo; `default` if the index has no such key.

        Its payload is what :meth:`put` or :meth:`set_payload` kept, None where nothing was.
        """
        found = find_key(self.index, key)
        if found is None:
            return default
        id_, record = found
        signature = self.index.signature(id_)
        return Entry(id=id_, key=record.path, signature=signature, payload=record.payload)

    def put(self, key: str, photo: Image | ImageSource, payload: Any = None) -> Entry:
        """Add or replace a photo that is not in a file, such as an upload.

        Parameters
        ----------
        key : str
            What it is called; a hit's ``path`` is this.
        photo : ndarray of uint8 (H, W, 3) RGB, bytes, binary file object, PIL image, or path
            The photo; its pixels are not kept.
        payload : JSON value
            What is kept with it.

        Returns
        -------
        Entry
            What :meth:`get` returns from now on.

        Raises
        ------
        OptionError
            If the key is no text, is empty, or is that of a photo that was added from a file;
            or if JSON cannot hold the payload.
        ImageError, SegmenterError, IndexStorageError
            If the photo cannot be read, segmented or stored.
        """
        self._require_whole()
        if not isinstance(key, str) or not key:
            raise OptionError(f"Expected a key that is a text, not empty; got {key!r}.")
        image = as_pixels(photo)
        record = PhotoRecord.of_upload(image, key, payload)
        record.to_json()
        found = find_key(self.index, key)
        if found is not None and not found[1].is_upload:
            raise OptionError(f"{key} was added from a file; add() brings it up to date.")
        signed = self._sign(image, record, found and found[0])
        with self.index.writer():
            self._store_upload(signed)
        return self.get(key)  # type: ignore[no-any-return]

    def set_payload(self, key: PhotoPath, payload: Any) -> None:
        """Keep a JSON value with a photo; indexing it again leaves it there.

        Raises
        ------
        UnknownIdError
            If the index has no photo of that key.
        OptionError
            If JSON cannot hold the value.
        """
        with self.index.writer():
            found = find_key(self.index, key)
            if found is None:
                raise UnknownIdError(f"{key} is not in the index; add the photo first.")
            id_, record = found
            text = replace(record, payload=payload).to_json()
            self.index.replace([id_], [self.index.signature(id_)], payloads=[text])

    def where(self, test: PayloadTest) -> NDArray[np.int64]:
        """Return the ids of the photos whose payload passes a test.

        Parameters
        ----------
        test : callable or mapping
            Called with a payload, returns whether its photo counts; or entries that it must have.

        Raises
        ------
        QueryError
            If it is neither.
        """
        if isinstance(test, Mapping):
            wanted = dict(test)

            def test(payload: Any) -> bool:
                return isinstance(payload, dict) and wanted.items() <= payload.items()

        if not callable(test):
            raise QueryError(f"Expected a function of a payload or a dict, got {test!r}.")
        records = map(PhotoRecord.from_json, self.index.payloads)
        counts = [bool(test(record.payload)) for record in records]
        return self.index.ids[np.array(counts, np.bool_)]

    def _sign(self, image: Image, record: PhotoRecord, id_: int | None) -> Signed:
        encoders = {name: side.encoder for name, side in self.sides.items()}
        signer = Signer(lambda: self.segmenter, encoders)
        return Signed(record, signer.sign([Inputs(image=image)])[0], id_)

    def _store_upload(self, signed: Signed) -> None:
        """Add or replace an upload, in the order of :class:`Adding`."""
        texts = [signed.record.to_json()]
        further = {name: side for name, side in self.sides.items() if name != PHOTOS}
        if signed.id is None:
            ids = self.index.add([signed.signatures[PHOTOS]], payloads=texts)
        else:
            ids = np.array([signed.id])
            for side in further.values():
                side.remove(ids)
            self.index.replace(ids, [signed.signatures[PHOTOS]], payloads=texts)
        for name, side in further.items():
            side.add(ids, [signed.signatures[name]])


def as_pixels(photo: Any) -> Image:
    """Return a photo as an array of pixels; ImageError if it cannot be read."""
    if not isinstance(photo, np.ndarray):
        return read_image(photo)
    check_pixels(photo)
    return np.asarray(photo, np.uint8)


def check_pixels(image: NDArray[Any]) -> None:
    """Raise :class:`QueryError` unless an array is a picture."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise QueryError(
            f"Expected pixels of shape (H, W, 3) uint8, got {image.dtype} of shape {image.shape}."
        )


def as_query(query: Any) -> Any:
    """Return a query as a path, an array of pixels or a label map: uploads are read.

    Raises
    ------
    ImageError, QueryError
        If it cannot be searched for.
    """
    if isinstance(query, np.ndarray):
        check_pixels(query)
    if isinstance(query, str | os.PathLike | np.ndarray | LabelMap):
        return query
    if query is None:
        raise QueryError("Expected a photo, a label map or a layout, got None.")
    return read_image(query)


def as_paths(photos: Any) -> list[PhotoPath]:
    """Return one or more paths as a list; OptionError if something else is given."""
    if isinstance(photos, str | os.PathLike):
        return [photos]
    try:
        return list(photos)
    except TypeError:
        raise OptionError(f"Expected photos' paths, got {type(photos).__name__}.") from None
