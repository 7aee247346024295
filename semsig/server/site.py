"""The served indexes, and the caches and counters that they share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from semsig.durable import write_file
from semsig.engine import Engine
from semsig.engine.duplicates import WITHIN, By, Copy, by_default, find_duplicates
from semsig.errors import OptionError
from semsig.photo import absolute
from semsig.server.asks import Duplicate, DuplicateGroups, PhotoFacts
from semsig.server.background import Task, Tasks
from semsig.server.options import ServeOptions
from semsig.server.pictures import PictureCache
from semsig.server.problems import RefusedError
from semsig.server.searching import Searcher
from semsig.server.shelf import Shelf
from semsig.server.telemetry import Telemetry
from semsig.server.uploads import Uploads

_SUFFIXES = ((b"\xff\xd8\xff", ".jpg"), (b"\x89PNG", ".png"), (b"RIFF", ".webp"), (b"GIF8", ".gif"))


class Copies(NamedTuple):
    """A search for near-duplicates within a distance."""

    within: float
    task: Task[list[list[Copy]]]

    def groups(self, shelf: Shelf) -> DuplicateGroups:
        """Wait for the search, and return the groups that it found."""
        found = self.task.result()
        return DuplicateGroups(
            within=self.within,
            groups=[[_duplicate(shelf, copy) for copy in group] for group in found],
        )


class Site:
    """Indexes by name, and the caches and counters that they share.

    Parameters
    ----------
    engines : sequence of Engine
        The indexes, at least one; each is named after its folder.
    options : ServeOptions
        How they are served.
    """

    def __init__(self, engines: Sequence[Engine], options: ServeOptions) -> None:
        if not engines:
            raise OptionError("Expected an index to serve, got none; give --index DIR.")
        self.options = options
        self.telemetry = Telemetry()
        self.uploads = Uploads(options.upload_pixels, options.uploads_bytes)
        self.pictures = PictureCache(options.cache, options.cache_bytes)
        self._searchers: dict[str, Searcher] = {}
        self.shelves: list[Shelf] = []
        self._writing = Lock()
        self._duplicates: Tasks[list[list[Copy]]] = Tasks(8)
        for engine in engines:
            self._put_up(engine)

    def _put_up(self, engine: Engine) -> None:
        path = engine.index.path
        base = path.resolve().name if path is not None else "memory"
        taken = {shelf.name for shelf in self.shelves}
        names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 2))]
        shelf = Shelf(next(name for name in names if name not in taken), engine, self.uploads)
        self.shelves.append(shelf)
        self._searchers[shelf.name] = Searcher(shelf)

    def shelf(self, name: str = "") -> Shelf:
        """Return the index of a name, or the first if the name is empty.

        Raises
        ------
        RefusedError
            If there is no such index.
        """
        for shelf in self.shelves:
            if name in ("", shelf.name):
                return shelf
        names = ", ".join(shelf.name for shelf in self.shelves)
        raise RefusedError(f"Expected an index of {names}; got {name!r}.", status=404)

    def searcher(self, shelf: Shelf) -> Searcher:
        """Return the searcher of an index."""
        return self._searchers[shelf.name]

    def warm(self) -> None:
        """Load networks and build what the first search needs, ahead of it."""
        for shelf in self.shelves:
            shelf.engine.segmenter  # noqa: B018
            shelf.shares  # noqa: B018
            for id_ in shelf.engine.index.ids[:1]:
                query = shelf.record(int(id_)).path
                for signature in shelf.engine.sides:
                    shelf.engine.search(query, 1, signature=signature)

    def duplicates(self, shelf: Shelf, within: float | None, by: By | None) -> Copies:
        """Start or find a search for near-duplicates; it is kept until the index changes."""
        by = by or by_default(shelf.engine)
        radius = WITHIN[by] if within is None else within
        key = shelf.name, by, radius, shelf.engine.index.content
        look = partial(find_duplicates, shelf.engine, within=radius, by=by)
        return Copies(radius, self._duplicates.get(key, lambda told: look(progress=told)))

    def add(self, shelf: Shelf, data: bytes) -> PhotoFacts:
        """Write a photo into the folder for added ones, and index it.

        Raises
        ------
        ImageError
            If the data is not a photo; nothing is written then.
        RefusedError
            If the server is not writable.
        """
        folder = self._require_writable()
        name = self.uploads.add(data)
        suffix = next((end for start, end in _SUFFIXES if data.startswith(start)), ".img")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}{suffix}"
        with self._writing:
            write_file(path, data)
            report = shelf.engine.add([path])
            if report.skipped:
                path.unlink(missing_ok=True)
                raise RefusedError(report.skipped[0].message, status=415)
            return next(
                shelf.facts(int(id_))
                for id_ in reversed(shelf.engine.index.ids)
                if shelf.record(int(id_)).path == absolute(path)
            )

    def remove(self, shelf: Shelf, id_: int) -> None:
        """Remove a photo from an index; its file is kept."""
        self._require_writable()
        with self._writing:
            shelf.engine.remove([shelf.record(id_).path])

    def _require_writable(self) -> Path:
        if self.options.writable is None:
            raise RefusedError(
                "Expected a server that may change its index, got one that may not; "
                "serve with --writable.",
                status=403,
            )
        return self.options.writable

    def close(self) -> None:
        """Stop running tasks, and remove temporary files."""
        self._duplicates.stop()
        self.pictures.close()


def _duplicate(shelf: Shelf, copy: Copy) -> Duplicate:
    return Duplicate(
        **shelf.facts(copy.id).model_dump(),
        bytes=copy.bytes,
        taken=copy.taken,
        sharpness=copy.sharpness,
        best=copy.best,
    )
