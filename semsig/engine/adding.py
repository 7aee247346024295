"""One run of adding photos to an index: unchanged photos are skipped, the rest committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from semsig.engine.catalogue import known_photos
from semsig.engine.info import is_files
from semsig.engine.moving import Moves
from semsig.engine.options import IndexingOptions
from semsig.engine.report import AddReport, SkippedPhoto
from semsig.engine.side import PHOTOS, SideIndex
from semsig.errors import ImageError
from semsig.parallel import ordered_map
from semsig.photo import Photo, PhotoRecord
from semsig.search import HammingIndex
from semsig.segment import PathSegmenter, Segmenter
from semsig.signatures import Inputs, Signer
from semsig.storage.checks import Ids

Progress = Callable[[int, int], None]

BATCH = 8
"""Photos that a worker reads and gives to the network as one batch."""
BATCH_BYTES = 64 << 20
"""Bytes of decoded photos after which a batch is closed, so that large photos go alone."""


@dataclass(frozen=True, slots=True)
class Read:
    """A photo that is new (`id` None) or had changed, and what was read of it."""

    record: PhotoRecord
    inputs: Inputs
    id: int | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A photo that is new (`id` None) or had changed, and its signatures by their names."""

    record: PhotoRecord
    signatures: Mapping[str, Any]
    id: int | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A photo that moved; it keeps its id and its signatures."""

    record: PhotoRecord
    id: int


Outcome = Signed | Moved | SkippedPhoto | None
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
        Receive the signatures, by name: that of the index itself, and further ones. Photos
        that lack one of them get all signatures again.
    """

    def __init__(
        self,
        index: HammingIndex,
        segmenter: Callable[[], Segmenter],
        options: IndexingOptions,
        sides: Mapping[str, SideIndex],
    ) -> None:
        self._index = index
        self._further = {name: side for name, side in sides.items() if side.index is not index}
        self._whole = [set(side.index.ids.tolist()) for side in self._further.values()]
        self._signer = Signer(segmenter, {name: side.encoder for name, side in sides.items()})
        self._load = segmenter
        self._options = options
        self._known = known_photos(index)
        self._moves = Moves(self._known.values())
        self._maps_on_disk = is_files(index.meta["segmenter"])
        self._pending: list[Signed] = []
        self._last_commit = time.monotonic()
        self._moved: list[Moved] = []
        self._added = self._replaced = self._unchanged = self._n_moved = 0
        self._skipped: list[SkippedPhoto] = []

    def run(self, paths: Sequence[str], progress: Progress | None) -> AddReport:
        """Add the photos at absolute `paths`; an interrupt keeps what was done until then."""
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
            moved=self._n_moved,
            skipped=tuple(self._skipped),
            seconds=time.monotonic() - started,
        )

    def _process(self, paths: Sequence[str]) -> list[Outcome]:
        """Read, segment and encode some photos; runs in several threads."""
        done: list[Outcome] = []
        batch: list[Read | Moved | SkippedPhoto | None] = []
        for path in paths:
            batch.append(self._read(path))
            if sum(one.inputs.n_bytes for one in batch if isinstance(one, Read)) >= BATCH_BYTES:
                done += self._sign(batch)
                batch = []
        return done + self._sign(batch)

    def _read(self, path: str) -> Read | Moved | SkippedPhoto | None:
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
                if before is None and (moved := self._moves.claim(record)) is not None:
                    id_, was = moved
                    record = replace(record, payload=was.payload)
                    if self._is_whole(id_):
                        return Moved(record, id_)
                return Read(record, self._signer.read(photo), id_)
        except ImageError as error:
            return SkippedPhoto(
                path=path, reason=error.reason, message=str(error), kept=before is not None
            )

    def _record(self, photo: Photo, before: PhotoRecord | None) -> PhotoRecord:
        """Return a photo's record; the old one if size and time of change are trusted."""
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

    def _sign(self, batch: Sequence[Read | Moved | SkippedPhoto | None]) -> list[Outcome]:
        """Compute the signatures of a batch; its label maps take one call of the network."""
        signed = iter(self._signer.sign([one.inputs for one in batch if isinstance(one, Read)]))
        return [
            Signed(one.record, next(signed), one.id) if isinstance(one, Read) else one
            for one in batch
        ]

    def _take(self, outcome: Outcome) -> None:
        if outcome is None:
            self._unchanged += 1
        elif isinstance(outcome, SkippedPhoto):
            self._skipped.append(outcome)
        else:
            if isinstance(outcome, Moved):
                self._moved.append(outcome)
            else:
                self._pending.append(outcome)
            overdue = time.monotonic() - self._last_commit >= self._options.commit_seconds
            waiting = len(self._pending) + len(self._moved)
            if overdue or waiting >= self._options.commit_every:
                self._commit()

    def _commit(self) -> None:
        pending, self._pending = self._pending, []
        moved, self._moved = self._moved, []
        new = [photo for photo in pending if photo.id is None]
        changed = {photo.id: photo for photo in pending if photo.id is not None}
        if new:
            self._add(new)
        if changed:
            self._replace(changed)
        if moved:
            self._move(moved)
        self._n_moved += len(moved)
        self._added += len(new)
        self._replaced += len(changed)
        self._last_commit = time.monotonic()

    def _add(self, new: Sequence[Signed]) -> None:
        payloads = [photo.record.to_json() for photo in new]
        ids = self._index.add([photo.signatures[PHOTOS] for photo in new], payloads=payloads)
        self._add_further(ids, new)

    def _replace(self, changed: Mapping[int, Signed]) -> None:
        ids, photos = list(changed), list(changed.values())
        for side in self._further.values():
            side.remove(ids)
        payloads = [photo.record.to_json() for photo in photos]
        self._index.replace(ids, [photo.signatures[PHOTOS] for photo in photos], payloads=payloads)
        self._add_further(ids, photos)

    def _move(self, moved: Sequence[Moved]) -> None:
        """Update the paths of moved photos; their signatures stay."""
        ids = [photo.id for photo in moved]
        signatures = [self._index.signature(id_) for id_ in ids]
        payloads = [photo.record.to_json() for photo in moved]
        self._index.replace(ids, signatures, payloads=payloads)

    def _add_further(self, ids: Ids, photos: Sequence[Signed]) -> None:
        for name, side in self._further.items():
            side.add(ids, [photo.signatures[name] for photo in photos])
