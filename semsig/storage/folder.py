"""The on-disk format: an index is a folder of .npy segments under one manifest.

``manifest.json`` names every data file with its size and SHA-256; what it does not name does not
exist. A commit writes new files first (temporary name, fsync, rename) and the manifest last, so
that a process killed at any moment leaves the index as it was before or after the commit. Data
files never change and their names are never used again; readers keep them open and are never
blocked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.durable import read_inside, sync_folder
from semsig.errors import (
    IndexCorruptError,
    IndexFormatError,
    IndexLockedError,
    IndexStorageError,
    IndexWriteError,
)
from semsig.storage.columns import StoredColumn, Verify
from semsig.storage.files import TEMPORARY, check_sum, write_array, write_whole
from semsig.storage.lock import LOCK, WriterLock
from semsig.storage.manifest import FILE_NAME, MANIFEST, FileEntry, Manifest, SegmentEntry
from semsig.storage.segment import Segment, no_rows
from semsig.types.record_spec import records_of


class IndexFolder:
    """An index on disk.

    Parameters
    ----------
    path : Path
        The folder.
    verify : {"first-use", "never"}
        Whether a data file's checksum is compared when it is first used.
    """

    def __init__(self, path: Path, *, verify: Verify = "first-use") -> None:
        self.path = path
        self.verify = verify
        self._lock = WriterLock(path)

    def read(self) -> Manifest:
        """Read the manifest.

        Raises
        ------
        IndexFormatError
            If the folder holds no index, or one of another version.
        IndexCorruptError
            If the manifest is damaged.
        """
        try:
            content = read_inside(self.path, MANIFEST)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise IndexFormatError(
                f"{self.path} holds no index: there is no {MANIFEST}. Name the folder of one; "
                "`semsig index PHOTOS --index FOLDER` or HammingIndex.save(folder) makes one where "
                "nothing else is."
            ) from error
        except OSError as error:
            raise IndexCorruptError(f"{self.path / MANIFEST} cannot be read: {error}") from error
        return Manifest.from_json(content)

    def load(
        self, known: Sequence[Segment] = (), *, rescue: bool = False
    ) -> tuple[Manifest, tuple[Segment, ...]]:
        """Open all segments of the newest manifest.

        Parameters
        ----------
        known : sequence of Segment
            Segments opened before; those still named are not opened again.
        rescue : bool
            Check every checksum and leave out the segments that are damaged.

        Raises
        ------
        IndexFormatError, IndexCorruptError
            If the folder cannot be read as an index.
        """
        opened = {segment.name: segment for segment in known}
        while True:
            manifest = self.read()
            try:
                segments = tuple(self._segments(manifest, opened, rescue))
            except IndexCorruptError:
                if self.read().generation == manifest.generation:
                    raise
            else:
                if not rescue or self.read().generation == manifest.generation:
                    return manifest, segments

    def _segments(
        self, manifest: Manifest, known: Mapping[str, Segment], rescue: bool
    ) -> Iterator[Segment]:
        for entry in manifest.segments:
            try:
                if rescue:
                    self.check([entry])
                yield self._segment(manifest, entry, known.get(entry.name))
            except IndexCorruptError:
                if not rescue:
                    raise

    def _segment(self, manifest: Manifest, entry: SegmentEntry, known: Segment | None) -> Segment:
        dead = self._dead(entry)
        if known is not None and known.entry and known.entry.files == entry.files:
            return known if known.entry == entry else replace(known, dead=dead, entry=entry)

        dtypes = records_of(manifest.schema).dtypes(manifest.schema)
        columns = {key: (dtype, entry.n_cells) for key, dtype in dtypes.items()} | {
            "offsets": (np.int64, entry.rows + 1),
            "ids": (np.int64, entry.rows),
            "payloads": (np.uint8, entry.payload_bytes),
            "payload_offsets": (np.int64, entry.rows + 1),
        }
        if columns.keys() != entry.files.keys():
            raise IndexCorruptError(
                f"{MANIFEST} is damaged: {entry.name} has files {sorted(entry.files)}, expected "
                f"{sorted(columns)}. Restore it from a copy."
            )
        stored = {
            key: StoredColumn(self.path, entry.files[key], dtype, length, verify=self.verify)
            for key, (dtype, length) in columns.items()
        }
        return Segment(columns=stored, dead=dead, entry=entry)

    def _dead(self, entry: SegmentEntry) -> NDArray[np.int64]:
        if entry.removed is None:
            return no_rows()
        dead = StoredColumn(self.path, entry.removed, np.int64, entry.dead).array
        edges = np.concatenate([[-1], dead, [entry.rows]])
        if (edges[1:] <= edges[:-1]).any():
            raise IndexCorruptError(
                f"{self.path / entry.removed.name} is damaged: expected removed rows "
                f"below {entry.rows:,}, ascending. Restore it from a copy."
            )
        return dead

    def check(self, entries: Iterable[SegmentEntry]) -> None:
        """Raise :class:`IndexCorruptError` unless segments are as they were written."""
        for entry in entries:
            for file in entry.all_files():
                check_sum(self.path, file)

    @contextmanager
    def writer(self, timeout: float = 0) -> Iterator[None]:
        """Hold the writer's lock; files that a killed writer left are deleted first.

        Parameters
        ----------
        timeout : float
            Seconds to wait for another writer.

        Raises
        ------
        IndexLockedError
            If another process is writing.
        IndexWriteError
            If the folder cannot be written to.
        """
        try:
            self._lock.acquire(timeout)
        except OSError as error:
            raise IndexWriteError(f"Cannot write to {self.path}: {error}") from error
        try:
            self.clean()
            yield
        finally:
            self._lock.release()

    def commit(self, old: Manifest, segments: Sequence[Segment], next_id: int) -> None:
        """Make `segments` what the folder holds; the caller holds the lock.

        Segments with an entry are in the folder already; only their dead rows may be new.

        Raises
        ------
        IndexWriteError
            If a write failed; the stored index is as before.
        IndexCorruptError
            If a stored segment whose rows were copied is damaged; likewise.
        """
        if not self._lock.held:
            raise IndexLockedError(
                f"Expected the writer of {self.path}, got a process forked from it, which does not "
                "have its lock. Open the index again there."
            )
        for source in (source for segment in segments for source in segment.sources):
            source.prove()
            self.check([source.entry] if source.entry else [])
        generation = old.generation + 1
        try:
            written = tuple(self._write(segment, generation) for segment in segments)
            new = replace(old, generation=generation, next_id=next_id, segments=written)
            sync_folder(self.path)
            write_whole(self.path / MANIFEST, new.to_json())
            with suppress(OSError):  # the rename cannot be undone
                sync_folder(self.path)
        except OSError as error:
            raise IndexWriteError(
                f"Writing to {self.path} failed ({error}); the index is as it was before."
            ) from error
        finally:
            self.clean()

    def _write(self, segment: Segment, generation: int) -> SegmentEntry:
        name = f"segment-{generation:06d}"
        entry = segment.entry or self._write_arrays(segment, name)
        if len(segment.dead) == entry.dead:
            return entry
        path = self.path / f"{entry.name}-removed-{generation:06d}.npy"
        return replace(entry, dead=len(segment.dead), removed=write_array(path, segment.dead))

    def _write_arrays(self, segment: Segment, name: str) -> SegmentEntry:
        files: dict[str, FileEntry] = {
            key: write_array(self.path / f"{name}.{key}.npy", column.array)
            for key, column in segment.columns.items()
        }
        return SegmentEntry(
            name=name,
            rows=segment.n_rows,
            n_cells=segment.n_values,
            payload_bytes=segment.columns["payloads"].length,
            files=files,
        )

    def clean(self) -> None:
        """Delete our files that the manifest does not name, as far as possible.

        Where the manifest cannot be read, nothing is deleted; where there is none, nothing was
        ever committed.
        """
        with suppress(IndexStorageError, OSError):
            named = {MANIFEST, LOCK}
            if (self.path / MANIFEST).exists():
                named.update(file.name for file in self.read().all_files())
            for path in self.path.iterdir():
                if is_ours(path.name) and path.name not in named:
                    with suppress(OSError):
                        path.unlink()

    def read_or_new(self, new: Manifest) -> Manifest:
        """Read the manifest; return `new` where the folder is empty.

        Raises
        ------
        IndexFormatError
            If the folder holds other files and no index, or one of another version.
        """
        if (self.path / MANIFEST).exists():
            return self.read()
        foreign = [path.name for path in self.path.iterdir() if not is_ours(path.name)]
        if foreign:
            raise IndexFormatError(
                f"{self.path} holds other files ({foreign[0]}, ...) and no index; "
                "give an empty or new folder."
            )
        return new


def is_unused(folder: Path) -> bool:
    """Return whether an index can be created in a folder without touching anything of value.

    It is absent, or holds no more than what a killed creation leaves: the lock and files that
    were being written. Complete data files are kept, because their manifest might be restored.
    """
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return all(name == LOCK or (is_ours(name) and name.endswith(TEMPORARY)) for name in names)


def is_ours(name: str) -> bool:
    """Return whether a file name is one that an index folder may hold."""
    stem = name.removesuffix(TEMPORARY)
    return name == LOCK or stem == MANIFEST or FILE_NAME.fullmatch(stem) is not None
