"""Rebalancing: moving whole segments from full shards to emptier ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.distributed.layout import ID_BITS, ShardFolder, Workspace
from semsig.distributed.places import Place
from semsig.distributed.shard import KINDS, live_rows
from semsig.documents import Entries, parse_json
from semsig.errors import IndexCorruptError, IndexFormatError, OptionError
from semsig.search import HammingIndex, is_unused

MOVE = "move.json"
"""File of a folder of shards that names the move under way: from which shard, to which."""


def rebalance(folder: Path | str) -> int:
    """Move segments from the fullest shard to the emptiest, as long as that evens them out.

    Ids stay, and :func:`semsig.distributed.index` finds photos where they are. The next
    run completes a killed one. Nobody else may write meanwhile; until a move is complete,
    searches may find its photos twice.

    Parameters
    ----------
    folder : Path or str
        A folder of shards, by path or URL.

    Returns
    -------
    int
        Segments that were moved.

    Raises
    ------
    IndexFormatError
        If the folder holds no shards.
    IndexCorruptError
        If its note of a move is damaged.
    OptionError
        If shards have visual phrases, which their vocabulary keeps where they are.
    SemsigError
        What changes of an index raise.
    """
    layout = ShardFolder.open(folder)
    shards = _Shards(layout)
    shards.finish()
    moved = 0
    while (move := _next(shards.sizes(), shards.segments)) is not None:
        shards.move(*move)
        moved += 1
    return moved


def _next(
    sizes: Sequence[int], segments: Callable[[int], list[int]]
) -> tuple[int, int, int] | None:
    """Return source, segment and target of a move that improves the balance, fullest shard first.

    Moving a segment of s rows changes the gap between two shards to |gap - 2 s|, which is smaller
    if 0 < s < gap. The sum of squared sizes then decreases, so the sequence of moves is finite.
    """
    target = int(np.argmin(sizes))
    for source in np.argsort(sizes)[::-1].tolist():
        gap, rows = sizes[source] - sizes[target], segments(source)
        fitting = [number for number, count in enumerate(rows) if 0 < count < gap]
        if fitting:
            return source, min(fitting, key=lambda n: abs(gap - 2 * rows[n])), target
    return None


class _Shards:
    """The shards of a folder, opened here, those without an index as well."""

    def __init__(self, layout: ShardFolder) -> None:
        self._layout = layout
        self._place = Place(layout.where)
        there = [number for number in range(layout.shards) if layout.exists(number)]
        if not there:
            raise IndexFormatError(f"Expected an index in some shard of {layout.where}, got none.")
        self._workspaces = [Workspace(layout.shard(n)) for n in range(layout.shards)]
        for number in there:
            self._workspaces[number].fetch()
            if (self._workspaces[number].path / "sbovp").exists():
                raise OptionError(
                    f"Expected shards without visual phrases, got some in {layout.shard(number)}; "
                    "index into a new folder for other shards."
                )
        self._indexes = {number: self._opened(number) for number in there}
        model = self._indexes[there[0]]["sbs"]
        for number in set(range(layout.shards)) - set(there):
            new = HammingIndex(model.schema, meta=model.meta, first_id=number << ID_BITS)
            new.save(self._workspaces[number].path, overwrite=False)
            self._indexes[number] = self._opened(number)

    def _opened(self, number: int) -> dict[str, Any]:
        path = self._workspaces[number].path
        return {
            name: kind.open(path / folder)
            for name, (kind, folder) in KINDS.items()
            if name == "sbs" or not is_unused(path / folder)
        }

    def sizes(self) -> list[int]:
        """Return the rows of each shard."""
        return [len(self._indexes[number]["sbs"]) for number in range(self._layout.shards)]

    def segments(self, number: int) -> list[int]:
        """Return the live rows of each segment of a shard."""
        return [len(part) for part in self._indexes[number]["sbs"]._store.snapshot.segments]

    def move(self, source: int, segment: int, target: int) -> None:
        """Move a segment: first it is in both shards, then in the target alone."""
        self._layout.note_moves()
        self._place.write(MOVE, json.dumps({"source": source, "target": target}).encode())
        ids, batch, payloads = live_rows(self._indexes[source]["sbs"], segment)
        self._indexes[target]["sbs"].add(batch, ids, payloads=payloads)
        self._end(source, target)

    def finish(self) -> None:
        """Complete the move of a killed run."""
        try:
            begun = Entries(parse_json(self._place.read(MOVE)), MOVE)
            last = self._layout.shards - 1
            source, target = begun.whole("source", 0, last), begun.whole("target", 0, last)
            if source == target:
                raise ValueError(f"expected two shards, got {source} twice")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise IndexCorruptError(
                f"{self._place}/{MOVE} is damaged: {error}. Some photos may be in two shards; "
                "delete the file, and index the photos into a new folder if searches show any."
            ) from error
        self._end(source, target)

    def _end(self, source: int, target: int) -> None:
        here, there = self._indexes[source], self._indexes[target]
        both = np.intersect1d(here["sbs"].ids, there["sbs"].ids)
        for name in sorted(here.keys() - {"sbs"}):
            if name not in there:
                path = self._workspaces[target].path / KINDS[name][1]
                KINDS[name][0](here[name].schema).save(path, overwrite=False)
                self._indexes[target] = there = self._opened(target)
            _copy(here[name], there[name], both)
        self._workspaces[target].send()
        for name in sorted(here, key=lambda name: name == "sbs"):  # the photos themselves last
            here[name].remove(np.intersect1d(here[name].ids, both))
        self._workspaces[source].send()
        self._place.delete(MOVE)


def _copy(source: Any, target: Any, ids: NDArray[np.int64]) -> None:
    """Add to `target` the signatures of those ids that only `source` has."""
    wanted = np.setdiff1d(np.intersect1d(source.ids, ids), target.ids)
    if len(wanted):
        target.add([source.signature(int(id_)) for id_ in wanted], wanted)
