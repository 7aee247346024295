"""One run of adding photos to an index: what is unchanged is passed over, the rest committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.engine.catalogue import known_photos
from semsig.engine.info import is_files
from semsig.engine.options import IndexingOptions
from semsig.engine.reading import label_map_on_disk, phrases_of, pixels_needed
from semsig.engine.report import AddReport, SkippedPhoto
from semsig.engine.side import SideIndex
from semsig.errors import ImageError
from semsig.parallel import ordered_map
from semsig.photo import Photo, PhotoRecord
from semsig.search import HammingIndex
from semsig.segment import PathSegmenter, Segmenter, require_features
from semsig.signatures import pooled, sbs
from semsig.storage.checks import Ids
from semsig.types import Image, Keypoints, LabelMap, SbsSignature

Progress = Callable[[int, int], None]

Described = tuple[LabelMap, NDArray[np.float32] | None]
"""A photo's label map, and its features (3, C) where they are asked for."""

BATCH = 8
"""Photos that a worker reads and hands to the network together."""
BATCH_BYTES = 64 << 20
"""Bytes of decoded photos after which a worker hands over what it has: large ones come alone."""


@dataclass(frozen=True, slots=True)
class Read:
    """A photo that is new (`id` None) or had changed: its pixels, or its label map on disk."""

    record: PhotoRecord
    seen: Image | LabelMap
    keypoints: Keypoints | None
    id: int | None

    @property
    def n_bytes(self) -> int:
        """Bytes of the decoded photo, which the network has yet to see."""
        return 0 if isinstance(self.seen, LabelMap) else self.seen.nbytes


@dataclass(frozen=True, slots=True)
class Signed:
    """A photo that is new (`id` None) or had changed, and its signature."""

    record: PhotoRecord
    signature: SbsSignature
    further: Mapping[str, Any]
    """Its other signatures, by their name."""
    id: int | None


Outcome = Signed | SkippedPhoto | None
"""What became of one photo; None = unchanged."""


class Adding:
    """A run over photos; :meth:`run` is called once, by the holder of the writer's lock.

    Parameters
    ----------
    index : HammingIndex
        Receives the signatures.
    segmenter : callable returning Segmenter
        Called when the first photo needs it.
    options : IndexingOptions
        How to run.
    sides : mapping of str to SideIndex
        Receive further signatures, by their name; photos without one are signed anew.
    """

    def __init__(
        self,
        index: HammingIndex,
        segmenter: Callable[[], Segmenter],
        options: IndexingOptions,
        sides: Mapping[str, SideIndex],
    ) -> None:
        self._index = index
        self._sides = sides
        self._whole = [set(side.index.ids.tolist()) for side in sides.values()]
        self._load = segmenter
        self._options = options
        self._known = known_photos(index)
        self._maps_on_disk = is_files(index.meta["segmenter"])
        self._pending: list[Signed] = []
        self._last_commit = time.monotonic()
        self._added = self._replaced = self._unchanged = 0
        self._skipped: list[SkippedPhoto] = []

    def run(self, paths: Sequence[str], progress: Progress | None) -> AddReport:
        """Add the photos at absolute `paths`; an interrupt keeps what is done so far."""
        started = time.monotonic()
        batches = (paths[first : first + BATCH] for first in range(0, len(paths), BATCH))
        done_batches = ordered_map(self._process, batches, self._options.n_workers)
        outcomes = chain.from_iterable(done_batches)
        try:
            for done, outcome in enumerate(outcomes, 1):
                self._take(outcome)
                if progress is not None:
                    progress(done, len(paths))
        finally:
            self._commit()
        return AddReport(
            added=self._added,
            replaced=self._replaced,
            unchanged=self._unchanged,
            skipped=tuple(self._skipped),
            seconds=time.monotonic() - started,
        )

    def _process(self, paths: Sequence[str]) -> list[Outcome]:
        """Read, segment and encode some photos; runs in several threads."""
        done: list[Outcome] = []
        batch: list[Read | SkippedPhoto | None] = []
        for path in paths:
            batch.append(self._read(path))
            if sum(one.n_bytes for one in batch if isinstance(one, Read)) >= BATCH_BYTES:
                done += self._sign(batch)
                batch = []
        return done + self._sign(batch)

    def _read(self, path: str) -> Read | SkippedPhoto | None:
        """Read a photo; None if it is unchanged."""
        id_, before = self._known.get(path, (None, None))
        try:
            with Photo(path) as photo:
                record = replace(
                    self._record(photo, before),
                    label_state=self._label_state(path),
                    payload=before and before.payload,
                )
                if before is not None and record.has_content_of(before) and self._is_whole(id_):
                    return None
                return Read(record, *self._see(photo), id_)
        except ImageError as error:
            return SkippedPhoto(
                path=path, reason=error.reason, message=str(error), kept=before is not None
            )

    def _record(self, photo: Photo, before: PhotoRecord | None) -> PhotoRecord:
        """Return a photo's record, or trust the one before."""
        trusted = before is not None and not before.is_upload and before.is_fresh
        if before is not None and trusted and not self._options.rehash:
            return before
        return photo.record

    def _label_state(self, path: str) -> str:
        segmenter = self._load() if self._maps_on_disk else None
        return segmenter.state(path) if isinstance(segmenter, PathSegmenter) else ""

    def _is_whole(self, id_: int | None) -> bool:
        """Tell whether an indexed photo has all the signatures it should have."""
        return all(id_ in ids for ids in self._whole)

    def _see(self, photo: Photo) -> tuple[Image | LabelMap, Keypoints | None]:
        """Return a photo's pixels, or its label map where it is on disk, and its keypoints."""
        segmenter, phrases = self._load(), phrases_of(self._sides)
        on_disk = label_map_on_disk(segmenter, photo.path)
        if on_disk is not None and phrases is None:
            return on_disk, None
        image = photo.image(pixels_needed(segmenter, phrases))
        keypoints = None if phrases is None else phrases.keypoints(image)
        return (image if on_disk is None else on_disk), keypoints

    def _sign(self, batch: Sequence[Read | SkippedPhoto | None]) -> list[Outcome]:
        """Sign what was read; its label maps are made by one call of the network."""
        seen = [one.seen for one in batch if isinstance(one, Read)]
        images = [one for one in seen if not isinstance(one, LabelMap)]
        described = iter(self._describe(images) if images else ())
        return [self._signed(one, described) if isinstance(one, Read) else one for one in batch]

    def _describe(self, images: Sequence[Image]) -> Iterable[Described]:
        """Return label maps, and features if descriptors want them, from one pass."""
        segmenter = self._load()
        if "pooled" in self._sides:
            return require_features(segmenter).describe(images)
        return ((label_map, None) for label_map in segmenter.batch(images))

    def _signed(self, read: Read, described: Iterator[Described]) -> Signed:
        """Sign a photo by its label map, the next described unless it was on disk."""
        seen = read.seen
        label_map, features = (seen, None) if isinstance(seen, LabelMap) else next(described)
        further: dict[str, Any] = {}
        if (phrases := phrases_of(self._sides)) is not None and read.keypoints is not None:
            further["sbovp"] = phrases.sign(read.keypoints, label_map)
        if features is not None:
            further["pooled"] = pooled(features, self._sides["pooled"].index.schema)
        return Signed(read.record, sbs(label_map, self._index.schema.levels), further, read.id)

    def _take(self, outcome: Outcome) -> None:
        if outcome is None:
            self._unchanged += 1
        elif isinstance(outcome, SkippedPhoto):
            self._skipped.append(outcome)
        else:
            self._pending.append(outcome)
            overdue = time.monotonic() - self._last_commit >= self._options.commit_seconds
            if overdue or len(self._pending) >= self._options.commit_every:
                self._commit()

    def _commit(self) -> None:
        pending, self._pending = self._pending, []
        new = [photo for photo in pending if photo.id is None]
        changed = {photo.id: photo for photo in pending if photo.id is not None}
        if new:
            self._add(new)
        if changed:
            self._replace(changed)
        self._added += len(new)
        self._replaced += len(changed)
        self._last_commit = time.monotonic()

    def _add(self, new: Sequence[Signed]) -> None:
        payloads = [photo.record.to_json() for photo in new]
        ids = self._index.add([photo.signature for photo in new], payloads=payloads)
        self._add_further(ids, new)

    def _replace(self, changed: Mapping[int, Signed]) -> None:
        ids, photos = list(changed), list(changed.values())
        for side in self._sides.values():
            side.remove(ids)
        payloads = [photo.record.to_json() for photo in photos]
        self._index.replace(ids, [photo.signature for photo in photos], payloads=payloads)
        self._add_further(ids, photos)

    def _add_further(self, ids: Ids, photos: Sequence[Signed]) -> None:
        for name, side in self._sides.items():
            side.add(ids, [photo.further[name] for photo in photos])
