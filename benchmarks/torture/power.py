"""Simulated power cuts: a program's changes of a folder are recorded, and legal outcomes replayed.

POSIX promises little. A file's content is on the disk once the file was synced; the creation,
renaming or removal of a name once the folder that holds it was synced. Before that each change may
be on the disk or not, independently of the others (a rename is one change), and a file may hold any
part of what was written. So a cut after a step has many legal outcomes: a set of changes that
reached the disk, and a length for each file that was not synced.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest import mock

Names = dict[str, int | None]
"""What a step makes of names: the file, a number, that each is of; None for none; 0, a folder."""
FOLDER = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step: a change of names in a folder, or the sync of a file or folder.

    Parameters
    ----------
    folder : str
        The folder that names lie in, or that was synced, relative to the one recorded.
    names : dict of str to int or None
        Paths and what they are of from then on.
    synced : int or None
        The file that was synced; 0 for the folder itself, None where none was.
    content : bytes
        What a synced file holds, or a renamed one, synced or not.
    """

    folder: str = ""
    names: Names = field(default_factory=dict)
    synced: int | None = None
    content: tuple[int, bytes] | None = None


class Recorder(AbstractContextManager["Recorder"]):
    """Records what this process does to a folder, Linux only; nothing is really synced.

    Parameters
    ----------
    root : Path
        The folder. What it holds at the start counts as on the disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.steps: list[Step] = []
        self.start: Names = {}
        self.contents: dict[int, bytes] = {}
        self._files: dict[int, int] = {}
        self._last = FOLDER
        self._patch = mock.patch.multiple(
            os,
            open=self._wrapped_open(os.open),
            fsync=self._sync,
            replace=self._wrapped_rename(os.replace),
            rename=self._wrapped_rename(os.rename),
            unlink=self._wrapped_removal(os.unlink),
            remove=self._wrapped_removal(os.remove),
            rmdir=self._wrapped_removal(os.rmdir),
            mkdir=self._wrapped_mkdir(os.mkdir),
        )

    def __enter__(self) -> Recorder:
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            self.start[name] = FOLDER if path.is_dir() else self._number(path)
            if path.is_file():
                self.contents[self._number(path)] = path.read_bytes()
        self._patch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._patch.stop()

    def _number(self, path: Path | str) -> int:
        """Return the number of a file: the system reuses its own numbers."""
        inode = os.stat(path).st_ino  # noqa: PTH116
        if inode not in self._files:
            self._last += 1
            self._files[inode] = self._last
        return self._files[inode]

    def _name(self, path: Any) -> str | None:
        absolute = os.path.abspath(os.fspath(path)) if not isinstance(path, int) else ""  # noqa: PTH100
        root = str(self.root)
        return absolute[len(root) + 1 :] if absolute.startswith(root + os.sep) else None

    def _add(self, names: Names, content: tuple[int, bytes] | None = None) -> None:
        folder = os.path.dirname(next(iter(names)))  # noqa: PTH120
        self.steps.append(Step(folder=folder, names=names, content=content))

    def _wrapped_open(self, genuine: Any) -> Any:
        def opened(path: Any, flags: int, *args: Any, **how: Any) -> int:
            name = self._name(path)
            new = name is not None and flags & os.O_CREAT and not os.path.lexists(path)
            descriptor: int = genuine(path, flags, *args, **how)
            if name is not None and new:
                self._files.pop(os.fstat(descriptor).st_ino, None)
                self._add({name: self._number(path)})
            return descriptor

        return opened

    def _sync(self, descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        if Path(path).is_dir():
            name = "" if path == str(self.root) else self._name(path)
            if name is not None:
                self.steps.append(Step(folder=name, synced=FOLDER))
        elif self._name(path) is not None:
            content = Path(f"/proc/self/fd/{descriptor}").read_bytes()
            number = self._number(path)
            self.steps.append(Step(synced=number, content=(number, content)))

    def _wrapped_rename(self, genuine: Any) -> Any:
        def renamed(source: Any, target: Any, **how: Any) -> None:
            names = self._name(source), self._name(target)
            if names[0] is None or names[1] is None:
                return genuine(source, target, **how)
            number, content = self._number(source), Path(source).read_bytes()
            genuine(source, target, **how)
            self._add({names[0]: None, names[1]: number}, (number, content))
            return None

        return renamed

    def _wrapped_removal(self, genuine: Any) -> Any:
        def removed(path: Any, **how: Any) -> None:
            genuine(path, **how)
            name = self._name(path)
            if name is not None:
                self._add({name: None})

        return removed

    def _wrapped_mkdir(self, genuine: Any) -> Any:
        def made(path: Any, *args: Any, **how: Any) -> None:
            genuine(path, *args, **how)
            name = self._name(path)
            if name is not None:
                self._add({name: FOLDER})

        return made

    def outcomes(self, after: int, rng: random.Random, most: int) -> Iterator[Outcome]:
        """Yield up to `most` different outcomes of a cut after so many steps.

        First the one where every change reached the disk and the one where none did, then those
        that lack one change or have only one, then random ones.
        """
        durable, pending, contents = self._replayed(after)
        choices = list(_subsets(len(pending), rng, most))
        seen: set[tuple[Any, ...]] = set()
        for number, chosen in enumerate(choices):
            part = (1.0, 0.0, 0.5, rng.random())[number % 4 if number else 0]
            names = dict(durable)
            for step, made in zip(pending, chosen, strict=True):
                names |= step.names if made else {}
            outcome = Outcome.of(names, contents, part)
            if outcome.key not in seen:
                seen.add(outcome.key)
                yield outcome

    def _replayed(self, after: int) -> tuple[Names, list[Step], dict[int, tuple[bytes, bytes]]]:
        """Return names on the disk, steps that may not be, and what files hold, synced and not."""
        durable, pending = dict(self.start), list[Step]()
        contents = {number: (whole, whole) for number, whole in self.contents.items()}
        for step in self.steps[:after]:
            if step.names:
                pending.append(step)
            if step.content:
                number, whole = step.content
                synced = whole if step.synced else contents.get(number, (b"", b""))[0]
                contents[number] = synced, whole
            if step.synced == FOLDER:
                for one in pending:
                    if one.folder == step.folder:
                        durable |= one.names
                pending = [one for one in pending if one.folder != step.folder]
        return durable, pending, contents


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a power cut leaves: folders, and the content of files, by path."""

    folders: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, names: Names, contents: dict[int, tuple[bytes, bytes]], part: float) -> Outcome:
        """Return what is left of names whose folders made it, files cut to a part."""
        folders: list[str] = []
        files: list[tuple[str, bytes]] = []
        for name in sorted(names, key=lambda name: name.count(os.sep)):
            above = os.path.dirname(name)  # noqa: PTH120
            number = names[name]
            if number is None or (above and above not in folders):
                continue
            if number == FOLDER:
                folders.append(name)
            else:
                synced, whole = contents.get(number, (b"", b""))
                grown = len(synced) + round(part * max(0, len(whole) - len(synced)))
                files.append((name, whole[:grown] if grown > len(synced) else synced))
        return cls(tuple(folders), tuple(files))

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for the same outcome."""
        return self.folders, self.files

    def write(self, root: Path) -> None:
        """Make the folder `root` as it is after the cut."""
        root.mkdir(parents=True)
        for folder in self.folders:
            (root / folder).mkdir()
        for name, content in self.files:
            (root / name).write_bytes(content)


def _subsets(count: int, rng: random.Random, most: int) -> Iterator[tuple[bool, ...]]:
    """Yield which of `count` steps reached the disk."""
    yield (True,) * count
    yield (False,) * count
    for alone in (False, True):
        for place in rng.sample(range(count), min(count, most // 4)):
            yield tuple((at == place) == alone for at in range(count))
    for _ in range(most - 2 - 2 * min(count, most // 4)):
        share = rng.random()
        yield tuple(rng.random() < share for _ in range(count))
