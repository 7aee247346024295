"""Verification that an index folder holds what was written to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semsig.errors import IndexCorruptError, SignatureError
from semsig.storage.checks import check_batch, repeated
from semsig.storage.files import check_sum
from semsig.storage.folder import IndexFolder
from semsig.storage.manifest import MANIFEST, Manifest, SegmentEntry
from semsig.storage.segment import Segment
from semsig.types.record_spec import AnySchema


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One damaged file of an index.

    Parameters
    ----------
    file : str
        Its name in the index folder, or the stem of its segment's files.
    reason : str
        What was expected and what was found.
    """

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What a check of an index found.

    Parameters
    ----------
    rows : int
        Live rows, as the manifest counts them.
    files : int
        Files that were read, the manifest included.
    bytes : int
        Their size together.
    damaged : tuple of Damage
        Every file that is not as it was written.
    """

    rows: int = 0
    files: int = 0
    bytes: int = 0
    damaged: tuple[Damage, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged


def verify_index(path: Path | str) -> VerifyReport:
    """Read every file of an index; check its checksum and what it holds.

    The index may be too damaged to be opened. Takes about a second per GB.

    Parameters
    ----------
    path : Path or str
        The index folder.

    Raises
    ------
    IndexFormatError
        If the folder holds no index, or one of another version.
    """
    folder = IndexFolder(Path(path), verify="never")
    while True:
        try:
            manifest = folder.read()
        except IndexCorruptError as error:
            return VerifyReport(files=1, damaged=(Damage(file=MANIFEST, reason=str(error)),))
        report = _report(folder, manifest)
        if report.ok or folder.read().generation == manifest.generation:
            return report


def _report(folder: IndexFolder, manifest: Manifest) -> VerifyReport:
    files = manifest.all_files()
    manifest_bytes = (folder.path / MANIFEST).stat().st_size
    damaged = [damage for entry in manifest.segments for damage in _changed(folder, entry)]
    if not damaged:
        damaged = list(_inconsistent(folder, manifest))
    return VerifyReport(
        rows=sum(entry.rows - entry.dead for entry in manifest.segments),
        files=1 + len(files),
        bytes=manifest_bytes + sum(file.bytes for file in files),
        damaged=tuple(damaged),
    )


def _changed(folder: IndexFolder, entry: SegmentEntry) -> Iterator[Damage]:
    for file in entry.all_files():
        try:
            check_sum(folder.path, file)
        except IndexCorruptError as error:
            yield Damage(file=file.name, reason=str(error))


def _inconsistent(folder: IndexFolder, manifest: Manifest) -> Iterator[Damage]:
    """Files whose checksums are right but that do not fit together: they were written wrong."""
    try:
        _, segments = folder.load()
    except IndexCorruptError as error:
        yield Damage(file=MANIFEST, reason=str(error))
        return
    faults = [fault for part in segments for fault in _segment_faults(part, manifest.schema)]
    if faults:
        yield from faults
        return
    ids = np.concatenate([[-1], *(segment.live_ids for segment in segments)])
    if len(repeated(ids)):
        yield Damage(file=MANIFEST, reason="live ids repeat between segments")
    if ids.max() >= manifest.next_id:
        yield Damage(file=MANIFEST, reason=f"next_id {manifest.next_id} was used already")


def _segment_faults(segment: Segment, schema: AnySchema) -> Iterator[Damage]:
    edges = np.concatenate([[-1], segment.dead, [segment.n_rows]])
    if (np.diff(edges) <= 0).any():
        yield Damage(file=segment.name, reason="removed rows do not ascend or do not exist")
        return
    if len(repeated(segment.ids)):
        yield Damage(file=f"{segment.name}.ids.npy", reason="ids repeat")
    try:
        check_batch(segment.batch(schema))
        segment.check_payload_offsets()
        deque(segment.live_payloads(), maxlen=0)
    except (IndexCorruptError, SignatureError) as error:
        yield Damage(file=segment.name, reason=str(error))
