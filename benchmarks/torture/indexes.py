"""Faults of indexes: killed writers, power cuts, full disks, damaged files."""
# ruff: noqa: B023 - each try runs before its loop goes on

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.torture import world
from benchmarks.torture.mutations import mutated
from benchmarks.torture.power import Outcome as Rest
from benchmarks.torture.power import Recorder
from benchmarks.torture.tries import AT_ONCE, Found, Outcome, Try, anew, made, outcome_of
from semsig.engine import Engine
from semsig.engine.options import IndexingOptions
from semsig.search import verify_index

_OPERATIONS = ("open", "fsync", "replace", "unlink", "mkdir")


def _killed(work: Callable[[], object], at: int) -> bool:
    """Do work in a fork that is killed at its operation number `at`; return whether it was."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    done = 0

    def counted(genuine: Any) -> Any:
        def call(*args: Any, **how: Any) -> Any:
            nonlocal done
            if genuine is opening and not args[1] & (os.O_WRONLY | os.O_RDWR):
                return genuine(*args, **how)
            result = genuine(*args, **how)
            done += 1
            if done == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    opening = os.open
    try:
        with mock.patch.multiple(os, **{n: counted(getattr(os, n)) for n in _OPERATIONS}):
            work()
    finally:
        os._exit(0)


def _changes(folder: Path, rng: random.Random) -> Iterator[tuple[world.Kind, str, int, Path]]:
    """Yield kinds, changes, the seed of each, and a fresh index to do them to."""
    while True:
        kind, name = rng.choice(world.kinds()), rng.choice(world.CHANGES)
        world.make_index(kind, anew(folder) / "whole", rng)
        yield kind, name, rng.randrange(2**30), folder / "whole"


def _before_and_after(
    kind: world.Kind, name: str, seed: int, whole: Path
) -> tuple[world.Answers | None, world.Answers | None]:
    changed = whole.with_name("changed")
    shutil.copytree(whole, changed)
    world.change(kind, changed, name, random.Random(seed))
    return world.rows(kind, whole), world.rows(kind, changed)


def kills(folder: Path, rng: random.Random) -> Found:
    """Kill a writer at each of its operations on files."""
    for kind, name, seed, whole in _changes(folder, rng):
        states = _before_and_after(kind, name, seed, whole)
        left, at, was_killed = folder / "left", 0, True
        while was_killed:
            at += 1
            shutil.rmtree(left, ignore_errors=True)
            shutil.copytree(whole, left)
            was_killed = _killed(lambda: world.change(kind, left, name, random.Random(seed)), at)

            def check() -> bool:
                return world.rows(kind, left) in states and verify_index(left).ok

            yield f"{kind.index.__name__} {name}, killed at {at}", *_state(check)


def _state(check: Try) -> tuple[Outcome, str]:
    """Check a state that must be valid: any error counts as a wrong answer."""
    outcome, said = outcome_of(check)
    return (Outcome.WRONG if outcome == Outcome.NAMED else outcome), said


def kills_of_indexing(folder: Path, rng: random.Random) -> Found:
    """Kill indexing at some operation, and let the next run continue it."""
    photos, segmenter = world.write_photos(anew(folder), 24)
    options = IndexingOptions(workers=1, commit_every=3)
    Engine.create(folder / "whole", segmenter=segmenter).add(photos)
    expected = world.photo_signatures(folder / "whole")
    path = folder / "index"
    while True:
        shutil.rmtree(path, ignore_errors=True)
        Engine.create(path, segmenter=segmenter)
        before: dict[str, Any] = {}
        was_killed = True
        while was_killed:
            at = rng.randint(1, 60)
            was_killed = _killed(lambda: Engine.open(path).add(photos, options=options), at)

            def check() -> bool:
                now = world.photo_signatures(path)
                right = all(expected[photo] == found for photo, found in now.items())
                return right and before.keys() <= now.keys() and verify_index(path).ok

            outcome, said = _state(check)
            yield f"index, killed at {at}", outcome, said
            if outcome == Outcome.RIGHT:
                before = world.photo_signatures(path)


def power_cuts(folder: Path, rng: random.Random) -> Found:
    """Cut the power after some step: any legal part of the changes reached the disk."""
    for kind, name, seed, whole in _changes(folder, rng):
        before, after = _before_and_after(kind, name, seed, whole)
        place = folder / "world"
        (place / "below").mkdir(parents=True)
        created = rng.random() < 0.2
        if not created:
            whole.rename(place / "below" / "index")
        with Recorder(place) as recorder:
            if created:
                kind.index(kind.schema).save(place / "below" / "new" / "index")
            else:
                world.change(kind, place / "below" / "index", name, random.Random(seed))
        path = "below/new/index" if created else "below/index"
        states = (None, ([], [], [])) if created else (before, after)
        yield from _cuts(kind, recorder, folder / "left", path, states, rng)


def _cuts(
    kind: world.Kind,
    recorder: Recorder,
    left: Path,
    path: str,
    states: tuple[Any, Any],
    rng: random.Random,
) -> Found:
    for number in rng.sample(range(len(recorder.steps) + 1), min(12, len(recorder.steps) + 1)):
        allowed = states if number < len(recorder.steps) else states[1:]

        def one(rest: Rest) -> tuple[str, Try]:
            def check() -> bool:
                shutil.rmtree(left, ignore_errors=True)
                rest.write(left)
                return world.rows(kind, left / path) in allowed

            return f"{kind.index.__name__}, power cut after step {number}", check

        for what, outcome, said in made([one(rest) for rest in recorder.outcomes(number, rng, 6)]):
            yield what, Outcome.WRONG if outcome == Outcome.NAMED else outcome, said


def full_disks(folder: Path, rng: random.Random) -> Found:
    """Let no file grow beyond some size while an index changes."""
    for kind, name, seed, whole in _changes(folder, rng):
        states = _before_and_after(kind, name, seed, whole)
        left = folder / "left"
        shutil.copytree(whole, left)
        limit = rng.randint(0, 3000)

        def attempt() -> bool:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            world.change(kind, left, name, random.Random(seed))
            return True

        outcome, said = outcome_of(attempt)
        yield f"{kind.index.__name__} {name}, {limit} bytes per file", outcome, said
        check = world.rows(kind, left) in states[outcome == Outcome.RIGHT :]
        yield "what a full disk leaves", Outcome.RIGHT if check else Outcome.WRONG, ""


def damaged_files(folder: Path, rng: random.Random) -> Found:
    """Flip, lose, move or cut bytes of an index's files."""
    for kind, _, _, whole in _changes(folder, rng):
        expected = kind.answers(kind.index.open(whole))
        files = {f: f.read_bytes() for f in whole.iterdir() if f.name != "writer.lock"}

        def one() -> tuple[str, Try]:
            file = rng.choice(sorted(files))
            content = mutated(files[file], rng)

            def attempt() -> bool:
                for each, as_written in files.items():
                    each.write_bytes(content if each == file else as_written)
                return kind.answers(kind.index.open(whole)) == expected

            return f"{kind.index.__name__}, {file.name} damaged", attempt

        yield from made([one() for _ in range(AT_ONCE)])


def changed_while_open(folder: Path, rng: random.Random) -> Found:
    """Change files in place under an index that is open, before or after its first search."""
    for kind, _, _, whole in _changes(folder, rng):
        expected = kind.answers(kind.index.open(whole))
        files = {file: file.read_bytes() for file in sorted(whole.glob("*.npy"))}

        def one() -> tuple[str, Try]:
            searched = rng.random() < 0.7
            chosen = list(files) if rng.random() < 0.3 else [rng.choice(list(files))]
            new = {file: mutated(files[file], rng) for file in chosen}

            def attempt() -> bool:
                _overwrite(files)
                index = kind.index.open(whole)
                if searched:
                    index.search([kind.signature(1)], 2)
                _overwrite(new)
                return kind.answers(index) == expected

            return f"{kind.index.__name__}, changed while open", attempt

        yield from made([one() for _ in range(AT_ONCE)])


def _overwrite(files: dict[Path, bytes]) -> None:
    """Write into files as they are: whoever has them open, or mapped, sees it."""
    for file, content in files.items():
        with file.open("rb+") as opened:
            opened.write(content)
            opened.truncate(len(content))
