"""One run of adding photos to an index: what is unchanged is passed over, the rest committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from semsig.config import IndexingOptions
from semsig.engine.catalogue import known_photos
from semsig.engine.info import is_files
from semsig.engine.photo import PhotoRecord, label_map_at
from semsig.engine.report import AddReport, SkippedPhoto
from semsig.errors import ImageError
from semsig.index import HammingIndex
from semsig.ordered import ordered_map
from semsig.segment import PathSegmenter, Segmenter
from semsig.signature import sbs
from semsig.types import SbsSignature

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Signed:
    """A photo that is new (`id` None) or had changed, and its signature."""

    record: PhotoRecord
    signature: SbsSignature
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
    """

    def __init__(
        self, index: HammingIndex, segmenter: Callable[[], Segmenter], options: IndexingOptions
    ) -> None:
        self._index = index
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
        outcomes = ordered_map(self._process, paths, self._options.n_workers)
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

    def _process(self, path: str) -> Outcome:
        """Decode, segment and encode one photo; runs in several threads."""
        id_, before = self._known.get(path, (None, None))
        try:
            record = replace(self._read(path, before), label_state=self._label_state(path))
            if before is not None and record.has_content_of(before):
                return None
            return Signed(record, self._sign(path), id_)
        except ImageError as error:
            return SkippedPhoto(
                path=path, reason=error.reason, message=str(error), kept=before is not None
            )

    def _read(self, path: str, before: PhotoRecord | None) -> PhotoRecord:
        """Read a photo's record, or trust the one before."""
        if before is not None and before.is_fresh and not self._options.rehash:
            return before
        return PhotoRecord.of(path)

    def _label_state(self, path: str) -> str:
        segmenter = self._load() if self._maps_on_disk else None
        return segmenter.state(path) if isinstance(segmenter, PathSegmenter) else ""

    def _sign(self, path: str) -> SbsSignature:
        return sbs(label_map_at(self._load(), path), self._index.schema.levels)

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
        changed = [photo for photo in pending if photo.id is not None]
        if new:
            self._index.add([p.signature for p in new], payloads=[p.record.to_json() for p in new])
        if changed:
            self._index.replace(
                [photo.id for photo in changed if photo.id is not None],
                [photo.signature for photo in changed],
                payloads=[photo.record.to_json() for photo in changed],
            )
        self._added += len(new)
        self._replaced += len(changed)
        self._last_commit = time.monotonic()
