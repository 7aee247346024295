"""Tries, each in a process of its own, so that a crash or a hang is an outcome like any other."""

from __future__ import annotations

import gc
import os
import select
import shutil
import signal
import struct
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

from semsig.errors import SemsigError

AT_ONCE = 25
"""Tries that share a process."""
LIMIT = 60.0
"""Seconds after which a try counts as a hang."""


class Outcome(IntEnum):
    """Outcome of a try."""

    RIGHT = 0
    NAMED = 1
    WRONG = 2
    TRACEBACK = 3
    CRASH = 4
    HANG = 5


BAD = (Outcome.WRONG, Outcome.TRACEBACK, Outcome.CRASH, Outcome.HANG)

Tally = Counter[Outcome]

Found = Iterator[tuple[str, Outcome, str]]
"""A try: what was done, the outcome, and the output."""

Try = Callable[[], bool]
"""True for a right answer; an error of semsig's own is one that is named."""


def outcome_of(attempt: Try, limit: float = LIMIT) -> tuple[Outcome, str]:
    """Make a try in a fork of this process; return what came of it, and what it said."""
    return _in_one_fork([attempt], limit)[0]


def made(tries: Sequence[tuple[str, Try]], limit: float = LIMIT) -> Found:
    """Make tries in one fork, in another after each that ends it; yield what came of each."""
    left = list(tries)
    while left:
        found = _in_one_fork([attempt for _, attempt in left], limit)
        for (what, _), (outcome, said) in zip(left, found, strict=False):
            yield what, outcome, said
        left = left[len(found) :]


def _in_one_fork(attempts: Sequence[Try], limit: float) -> list[tuple[Outcome, str]]:
    """Return what came of attempts, up to the first that ended their process or did not end."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _be(attempts, writing)
    os.close(writing)
    found: list[tuple[Outcome, str]] = []
    while len(found) < len(attempts):
        one = _read(reading, limit)
        found.append(one)
        if one[0] in (Outcome.CRASH, Outcome.HANG):
            break
    os.close(reading)
    if found[-1][0] == Outcome.HANG:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if found[-1][0] == Outcome.CRASH and os.WIFSIGNALED(status):
        found[-1] = Outcome.CRASH, signal.Signals(os.WTERMSIG(status)).name
    return found


def anew(folder: Path) -> Path:
    """Return a folder that was emptied, or made."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _read(descriptor: int, limit: float) -> tuple[Outcome, str]:
    """Return what a process says of its next attempt: a crash if it ends, a hang if nothing."""
    content = b""
    wanted = _HEAD.size
    while len(content) < wanted:
        if not select.select([descriptor], [], [], limit)[0]:
            return Outcome.HANG, ""
        part = os.read(descriptor, wanted - len(content))
        if not part:
            return Outcome.CRASH, ""
        content += part
        if len(content) >= _HEAD.size:
            wanted = _HEAD.size + _HEAD.unpack(content[: _HEAD.size])[1]
    outcome, _ = _HEAD.unpack(content[: _HEAD.size])
    return Outcome(outcome), content[_HEAD.size :].decode(errors="replace")


_HEAD = struct.Struct("<BI")
"""An outcome and the bytes of what is said."""


def _be(attempts: Sequence[Try], descriptor: int) -> NoReturn:
    """Make attempts, say what came of each, and end without any of the parent's clean-up."""
    gc.disable()  # a collection would copy all memory that the fork shares
    for attempt in attempts:
        outcome, said = _make(attempt)
        text = said.encode(errors="replace")[-4000:]
        os.write(descriptor, _HEAD.pack(outcome, len(text)) + text)
    os._exit(0)


def _make(attempt: Try) -> tuple[Outcome, str]:
    try:
        if attempt():
            return Outcome.RIGHT, ""
    except (SemsigError, OSError) as error:
        return Outcome.NAMED, str(error)
    except BaseException:
        return Outcome.TRACEBACK, traceback.format_exc(limit=-6)
    return Outcome.WRONG, "answers differ without an error"
