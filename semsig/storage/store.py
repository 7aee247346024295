"""The store: the newest snapshot, in memory or in a folder, and the right to change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Lock, RLock

from semsig.durable import make_folder
from semsig.errors import IndexCorruptError, IndexFormatError, IndexWriteError, OptionError
from semsig.storage.columns import Verify
from semsig.storage.folder import IndexFolder, is_unused
from semsig.storage.manifest import Manifest
from semsig.storage.snapshot import Snapshot


class Store:
    """The newest snapshot, in memory or in a folder, and the right to change it.

    Parameters
    ----------
    manifest : Manifest
        Schema, meta and, for a folder, what it holds.
    folder : IndexFolder, optional
        Where each commit goes; memory only by default.
    rescue : bool
        Leave out damaged segments and refuse changes.
    """

    def __init__(
        self, manifest: Manifest, folder: IndexFolder | None = None, *, rescue: bool = False
    ) -> None:
        self._state = manifest, Snapshot(schema=manifest.schema, next_id=manifest.next_id)
        self._folder = folder
        self._rescue = rescue
        self._showing = Lock()
        self._writing = RLock()
        self._depth = 0

    @classmethod
    def open(cls, path: Path, *, rescue: bool = False, verify: Verify = "first-use") -> Store:
        """Open the index in a folder."""
        folder = IndexFolder(path, verify=verify)
        store = cls(folder.read(), folder, rescue=rescue)
        store._load(folder)
        return store

    def twin(self) -> Store:
        """Return a copy in memory; changes to one are not seen in the other."""
        manifest, snapshot = self._state
        twin = Store(manifest)
        twin._state = manifest, snapshot
        return twin

    @property
    def rescued(self) -> bool:
        """Whether damaged segments were left out."""
        return self._rescue

    @property
    def verified(self) -> Verify:
        """Whether checksums are compared on first use."""
        return self._folder.verify if self._folder else "first-use"

    @property
    def manifest(self) -> Manifest:
        """What the folder holds, as last seen."""
        return self._state[0]

    @property
    def snapshot(self) -> Snapshot:
        """What the index holds, as last seen."""
        return self._state[1]

    @property
    def path(self) -> Path | None:
        """The folder; None in memory."""
        return self._folder.path if self._folder else None

    def refresh(self) -> bool:
        """Load the folder's newest commit; return whether it differs from the one loaded before."""
        if self._folder is None or self._folder.read() == self.manifest:
            return False
        self._load(self._folder)
        return True

    def _load(self, folder: IndexFolder) -> None:
        """Load the newest commit; of several threads that load at once, the newest result stays."""
        with self._showing:
            manifest, segments = folder.load(self.snapshot.segments, rescue=self._rescue)
            snapshot = Snapshot(
                schema=manifest.schema,
                segments=segments,
                next_id=manifest.next_id,
            )
            self._state = manifest, snapshot

    @contextmanager
    def writer(self, timeout: float = 0) -> Iterator[None]:
        """Hold the right to change the index, with its newest commit loaded; may be nested.

        Waits up to `timeout` seconds for another process that writes.
        """
        if self._rescue:
            raise IndexCorruptError(
                f"{self.path} was opened without its damaged segments, for reading only; "
                "save it to a new folder and open that."
            )
        with self._writing:
            outermost = self._folder if not self._depth else None
            locked = outermost.writer(timeout) if outermost else nullcontext()
            with locked:
                self._depth += 1
                try:
                    self.refresh()
                    yield
                finally:
                    self._depth -= 1

    def commit(self, snapshot: Snapshot) -> None:
        """Make `snapshot` the newest; the caller is the writer."""
        if self._folder is None:
            self._state = self.manifest, snapshot
            return
        self._folder.commit(self.manifest, snapshot.segments, snapshot.next_id)
        self._load(self._folder)

    def save(self, path: Path, *, overwrite: bool) -> None:
        """Write the snapshot, compacted, to another folder."""
        target = IndexFolder(path)
        manifest, snapshot = self._state
        if self._folder and path.resolve() == self._folder.path.resolve():
            raise OptionError(f"{path} is this index; its changes are on disk already.")
        if self._folder:
            self._folder.check(part.entry for part in snapshot.segments if part.entry)
        try:
            make_folder(path)
        except OSError as error:
            raise IndexWriteError(f"Cannot make the folder {path}: {error}") from error
        with target.writer():
            if not overwrite and not is_unused(path):
                raise OptionError(f"{path} is not empty; open it, or name a new folder.")
            before = target.read_or_new(replace(manifest, generation=0))
            if type(before.schema) is not type(manifest.schema):
                raise IndexFormatError(
                    f"{path} holds an index of {before.schema.describe()}; "
                    "only an index of the same kind replaces it. Name another folder."
                )
            new = replace(manifest, generation=before.generation)
            for part in snapshot.segments:
                part.prove()
            whole = [replace(snapshot.merged(), entry=None, sources=())] if len(snapshot) else []
            target.commit(new, whole, snapshot.next_id)
