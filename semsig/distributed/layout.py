"""The layout of a folder of shards: ``shards.json``, and one index folder per shard."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from semsig.distributed.copying import SHARDS, sync
from semsig.distributed.places import Place
from semsig.documents import Entries, parse_json
from semsig.errors import IndexFormatError, OptionError
from semsig.storage.manifest import MANIFEST

MAX_SHARDS = 2**16
ID_BITS = 40
"""Shard s assigns ids from s * 2^40 on, so that ids are distinct over all shards and tell their
origin."""

_FORMAT, _VERSION = "semsig-shards", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardFolder:
    """A folder of shards, on this machine or wherever fsspec finds it.

    Parameters
    ----------
    where : str
        Path or URL.
    shards : int
        How many there are, 1 to 65,536.
    has_moves : bool
        Whether photos may be in other shards than :meth:`shard_of` says.

    Raises
    ------
    OptionError
        If the number is out of range.
    """

    where: str
    shards: int
    has_moves: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.shards, bool) or not 1 <= self.shards <= MAX_SHARDS:
            raise OptionError(f"Expected 1 to {MAX_SHARDS:,} shards, got {self.shards!r}.")

    @classmethod
    def create(cls, where: Path | str, shards: int | None) -> Self:
        """Make a folder of shards, or open it if it is there.

        Raises
        ------
        OptionError
            If it has another number of shards, or none is given for a new one.
        IndexFormatError
            If there is something else.
        """
        place = Place(where)
        names = place.names()
        if SHARDS in names:
            found = cls.open(where)
            if shards not in (None, found.shards):
                raise OptionError(
                    f"Expected {found.shards} shards, which {where} has, got {shards}; photos "
                    "stay in their shard. Name a new folder for another number."
                )
            return found
        if shards is None:
            raise OptionError(f"Expected a number of shards for the new folder {where}, got none.")
        if names:
            raise IndexFormatError(
                f"Expected a new folder or one of shards, got {where}, which holds {names[0]}."
            )
        made = cls(where=str(where), shards=shards)
        made._write()
        return made

    def _write(self) -> None:
        document = {"format": _FORMAT, "version": _VERSION, "shards": self.shards}
        content = json.dumps(document | {"has_moves": self.has_moves}).encode()
        Place(self.where).write(SHARDS, content)

    def note_moves(self) -> None:
        """Remember that photos may be in other shards than :meth:`shard_of` says."""
        replace(self, has_moves=True)._write()

    @classmethod
    def open(cls, where: Path | str) -> Self:
        """Read the description of a folder of shards; IndexFormatError if it is not one."""
        try:
            document = Entries(parse_json(Place(where).read(SHARDS)), SHARDS)
            if document.text("format") != _FORMAT or document.whole("version") != _VERSION:
                raise ValueError(f"expected {_FORMAT}, version {_VERSION}")
            return cls(
                where=str(where),
                shards=document.whole("shards", 1, MAX_SHARDS),
                has_moves=document.flag("has_moves"),
            )
        except (OSError, ValueError) as error:
            raise IndexFormatError(
                f"Expected a folder of shards with {SHARDS}, got {where} ({error}); "
                "`semsig index PHOTOS --index FOLDER --shards N` makes one."
            ) from error

    def shard(self, number: int) -> str:
        """Return the path or URL of a shard's index."""
        return f"{self.where.rstrip('/')}/shard-{number:05d}"

    def exists(self, number: int) -> bool:
        """Whether a shard has an index yet."""
        try:
            Place(self.shard(number)).read(MANIFEST)
        except FileNotFoundError:
            return False
        return True

    def shard_of(self, photo: str) -> int:
        """Return the shard of a photo, by a hash: always the same, with shards of similar size."""
        digest = hashlib.blake2b(photo.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest) % self.shards

    def partition(self, photos: Iterable[str], held: Mapping[str, int]) -> list[list[str]]:
        """Return the photos of each shard, each once, in the order given.

        `held` maps photos that are in some shard already to that shard.
        """
        parts: list[list[str]] = [[] for _ in range(self.shards)]
        for photo in dict.fromkeys(photos):
            number = held.get(photo)
            parts[self.shard_of(photo) if number is None else number].append(photo)
        return parts


class Workspace:
    """A shard's index as a folder on this machine: itself, or a copy that is kept for the next use.

    Parameters
    ----------
    where : str
        The shard's path or URL.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        local = Place(where).local
        self._remote = local is None
        name = hashlib.sha256(where.encode()).hexdigest()[:24]
        self.path = local or Path(tempfile.gettempdir()) / "semsig-shards" / name

    def fetch(self) -> None:
        """Bring the folder up to date with the shard, if that is elsewhere and there."""
        if not self._remote or MANIFEST not in Place(self._where).names():
            return
        try:
            sync(self._where, self.path)
        except IndexFormatError:  # a stopped run added rows here and did not send them
            shutil.rmtree(self.path)
            sync(self._where, self.path)

    def send(self) -> None:
        """Bring the shard up to date with the folder, if that is elsewhere."""
        if self._remote:
            sync(self.path, self._where)
