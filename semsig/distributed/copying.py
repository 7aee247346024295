"""Copies of an index, made while a writer changes the source and readers use the copy.

Data files never change, and the manifest is written last. So a copy that first takes the data
files of one manifest, then the manifest, and finally deletes what it no longer names, is at each
moment a valid index: a state that the source had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from semsig.distributed.places import Place, copied
from semsig.durable import make_folder
from semsig.errors import IndexCorruptError, IndexFormatError, IndexWriteError, OptionError
from semsig.storage.files import TEMPORARY
from semsig.storage.folder import is_ours
from semsig.storage.lock import LOCK, WriterLock
from semsig.storage.manifest import MANIFEST, FileEntry, Manifest

SHARDS = "shards.json"
"""File that marks a folder of shards; it is copied last."""
_LATE = (MANIFEST, SHARDS)

Progress = Callable[[int, int], None]
"""Called with the bytes copied and their total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """Result of :func:`sync`.

    Parameters
    ----------
    indexes : int
        Indexes in the folder: photos, their further signatures, shards.
    copied, bytes : int
        Files that were copied, and their size together.
    deleted : int
        Files of the copy that the source no longer names.
    """

    indexes: int = 0
    copied: int = 0
    bytes: int = 0
    deleted: int = 0

    def __add__(self, other: SyncReport) -> SyncReport:
        return SyncReport(
            indexes=self.indexes + other.indexes,
            copied=self.copied + other.copied,
            bytes=self.bytes + other.bytes,
            deleted=self.deleted + other.deleted,
        )


def sync(source: Path | str, target: Path | str) -> SyncReport:
    """Make a copy of an index, or bring it up to date; only what is new is copied.

    May run while a writer changes the source and while readers read the copy: each index in the
    copy (of photos, further signatures or shards) is at each moment in a state that the source's
    had. The next run continues one that was stopped. One run at a time.

    Parameters
    ----------
    source : Path or str
        Folder of an index, of an engine or of shards: a path, or a URL that fsspec knows.
    target : Path or str
        A new or empty folder, or an earlier copy.

    Returns
    -------
    SyncReport
        What was done.

    Raises
    ------
    IndexFormatError
        If the source holds no index, or the target something other than a copy of it.
    IndexCorruptError
        If a file of the source is not as it was written.
    IndexLockedError, IndexWriteError
        If the target is being written to, or cannot be.
    OptionError
        If both are one folder, or one is in the other.
    EngineError
        If ``fsspec`` is absent.
    """
    here, there = Place(source), Place(target)
    if _is_within(there, here) or _is_within(here, there):
        raise OptionError(
            f"Expected two folders, neither within the other; got {here} and {there}."
        )
    names = [name for name in here.names() if _counts(name)]
    indexes = [_folder(name) for name in names if _last(name) == MANIFEST]
    if not indexes:
        raise IndexFormatError(f"Expected the folder of an index, got {here}: no {MANIFEST} in it.")
    _check_target(there, {_folder(name) for name in names})
    report = SyncReport()
    plain = [name for name in names if not (_last(name) in _LATE or is_ours(_last(name)))]
    for name in plain:
        report += _copy_plain(here, there, name)
    # the deepest first: what opens the photos' index then finds their further signatures
    for folder in sorted(indexes, key=lambda folder: (-folder.count("/"), folder == "", folder)):
        report += _sync_index(
            here / folder if folder else here, there / folder if folder else there
        )
    if SHARDS in names:
        report += _copy_plain(here, there, SHARDS)
    return report


def _is_within(one: Place, other: Place) -> bool:
    if one.local is not None and other.local is not None:
        return one.local.resolve().is_relative_to(other.local.resolve())
    return f"{one}/".startswith(f"{other}/")


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _counts(name: str) -> bool:
    """Whether a file belongs to a committed index: not a lock or a temporary file."""
    last = _last(name)
    return last != LOCK and not last.endswith(TEMPORARY) and not last.startswith(".")


def _check_target(target: Place, folders: set[str]) -> None:
    """Raise :class:`IndexFormatError` if there are files that no copy of the source has."""
    for name in target.names():
        last = _last(name)
        if _counts(name) and not is_ours(last) and _folder(name) not in folders:
            raise IndexFormatError(
                f"Expected a new folder or an earlier copy, got {target}, which holds {name}. "
                "Name another folder."
            )


def _copy_plain(source: Place, target: Place, name: str) -> SyncReport:
    """Copy a small file unless the same one is there."""
    content = source.read(name)
    try:
        if target.read(name) == content:
            return SyncReport()
    except FileNotFoundError:
        pass
    target.write(name, content)
    return SyncReport(copied=1, bytes=len(content))


def _sync_index(source: Place, target: Place) -> SyncReport:
    """Bring the copy of one index to a state that the source had since the call."""
    with _locked(target):
        while True:
            content = source.read(MANIFEST)
            manifest = Manifest.from_json(content)
            report = SyncReport(indexes=1)
            try:
                before, held = _held(target, manifest)
                for entry in manifest.all_files():
                    report += _copy(source, target, entry, held)
            except (FileNotFoundError, IndexCorruptError) as error:
                if source.read(MANIFEST) != content:
                    continue  # meanwhile the writer committed, and deleted files of this manifest
                raise IndexCorruptError(f"{source} is damaged: {error}") from error
            if before != content:
                target.write(MANIFEST, content)
                report += SyncReport(copied=1, bytes=len(content))
            return report + _clean(target, manifest)


@contextmanager
def _locked(target: Place) -> Iterator[None]:
    """Hold the writer's lock of a copy on this machine; elsewhere there is none."""
    if target.local is None:
        yield
        return
    try:
        make_folder(target.local)
    except OSError as error:
        raise IndexWriteError(f"Cannot make the folder {target}: {error}") from error
    lock = WriterLock(target.local)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _held(target: Place, manifest: Manifest) -> tuple[bytes, set[str]]:
    """Return the copy's manifest, and the names of the files that it names; empty if none is there.

    Raises
    ------
    IndexFormatError
        If the copy is of another index: a file of the same name has other content.
    """
    try:
        content = target.read(MANIFEST)
    except FileNotFoundError:
        return b"", set()
    named = {file.name: file.sha256 for file in Manifest.from_json(content).all_files()}
    for entry in manifest.all_files():
        if named.get(entry.name, entry.sha256) != entry.sha256:
            raise IndexFormatError(
                f"Expected a copy of this index, got {target}, where {entry.name} has other "
                "content: it is of another index, or was written to. Name another folder."
            )
    return content, set(named)


def _copy(source: Place, target: Place, entry: FileEntry, held: set[str]) -> SyncReport:
    """Copy a data file that the copy lacks; IndexCorruptError if it is not as it was written."""
    if entry.name in held or _is_whole(target, entry):
        return SyncReport()
    with source.opened(entry.name) as file, target.written(entry.name) as copy:
        if copied(file, copy) != entry.sha256:
            raise IndexCorruptError(f"{source}/{entry.name} is not as it was written.")
    return SyncReport(copied=1, bytes=entry.bytes)


def _is_whole(target: Place, entry: FileEntry) -> bool:
    """Whether this file is a leftover of a stopped run."""
    try:
        return target.digest(entry.name) == entry.sha256
    except FileNotFoundError:
        return False


def _clean(target: Place, manifest: Manifest) -> SyncReport:
    """Delete the data files that the manifest does not name; readers have them open, or retry."""
    named = {MANIFEST, LOCK, *(file.name for file in manifest.all_files())}
    gone = [name for name in target.names() if is_ours(name) and name not in named]
    for name in gone:
        target.delete(name)
    return SyncReport(deleted=len(gone))
