"""One run of adding photos to an index: what is unchanged is passed over, the rest committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from semsig.config import IndexingOptions
from semsig.engine.catalogue import known_photos
from semsig.engine.info import is_files
from semsig.engine.photo import PhotoRecord, label_map_at
from semsig.engine.report import AddReport, SkippedPhoto
from semsig.errors import ImageError
from semsig.index import HammingIndex
from semsig.index.checks import Ids
from semsig.ordered import ordered_map
from semsig.segment import PathSegmenter, Segmenter
from semsig.signature import sbs
from semsig.types import SbovpSignature, SbsSignature

if TYPE_CHECKING:
    from semsig.engine.phrases import PhraseIndex

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Signed:
    """A photo that is new (`id` None) or had changed, and its signature."""

    record: PhotoRecord
    signature: SbsSignature
    phrases: SbovpSignature | None
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
    phrases : PhraseIndex, optional
        Receives phrases; photos without are signed anew.
    """

    def __init__(
        self,
        index: HammingIndex,
        segmenter: Callable[[], Segmenter],
        options: IndexingOptions,
        phrases: PhraseIndex | None = None,
    ) -> None:
        self._index = index
        self._phrases = phrases
        self._with_phrases = None if phrases is None else set(phrases.index.ids.tolist())
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
            if before is not None and record.has_content_of(before) and self._is_whole(id_):
                return None
            return Signed(record, *self._sign(path), id_)
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

    def _is_whole(self, id_: int | None) -> bool:
        """Tell whether an indexed photo has all the signatures it should have."""
        return self._with_phrases is None or id_ in self._with_phrases

    def _sign(self, path: str) -> tuple[SbsSignature, SbovpSignature | None]:
        label_map = label_map_at(self._load(), path)
        signature = sbs(label_map, self._index.schema.levels)
        if self._phrases is None:
            return signature, None
        return signature, self._phrases.sign(self._phrases.read(path), label_map)

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
        self._add_phrases(ids, new)

    def _replace(self, changed: Mapping[int, Signed]) -> None:
        ids, photos = list(changed), list(changed.values())
        if self._phrases is not None:
            self._phrases.remove(ids)
        payloads = [photo.record.to_json() for photo in photos]
        self._index.replace(ids, [photo.signature for photo in photos], payloads=payloads)
        self._add_phrases(ids, photos)

    def _add_phrases(self, ids: Ids, photos: Sequence[Signed]) -> None:
        if self._phrases is not None:
            self._phrases.add(ids, [photo.phrases for photo in photos if photo.phrases is not None])
