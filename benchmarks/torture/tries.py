"""One try: in a process of its own, so that a crash or a hang is an outcome like any other."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import NoReturn

from semsig.errors import SemsigError

LIMIT = 60.0
"""Seconds after which a try counts as a hang."""


class Outcome(IntEnum):
    """What came of a try; its number is the exit code of the try's process."""

    RIGHT = 0
    NAMED = 10
    WRONG = 11
    TRACEBACK = 12
    CRASH = 13
    HANG = 14


BAD = (Outcome.WRONG, Outcome.TRACEBACK, Outcome.CRASH, Outcome.HANG)

Tally = Counter[Outcome]

Found = Iterator[tuple[str, Outcome, str]]
"""What was done, what came of it, and what was said."""

Try = Callable[[], bool]
"""True for a right answer; an error of semsig's own is one that is named."""


def outcome_of(attempt: Try, limit: float = LIMIT) -> tuple[Outcome, str]:
    """Run a try in a fork of this process; return what came of it, and what it said."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _be(attempt, writing)
    os.close(writing)
    said, late = _read(reading, limit)
    if late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if late:
        return Outcome.HANG, said
    if os.WIFSIGNALED(status):
        return Outcome.CRASH, signal.Signals(os.WTERMSIG(status)).name
    code = os.WEXITSTATUS(status)
    return (Outcome(code) if code in set(Outcome) else Outcome.CRASH), said


def anew(folder: Path) -> Path:
    """Return a folder that was emptied, or made."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _read(descriptor: int, limit: float) -> tuple[str, bool]:
    """Return what a try said until it ended, and whether it did not within the limit."""
    ready, _, _ = select.select([descriptor], [], [], limit)
    said = os.read(descriptor, 1 << 16) if ready else b""
    os.close(descriptor)
    return said.decode(errors="replace"), not ready


def _be(attempt: Try, descriptor: int) -> NoReturn:
    """Make the try, say what is odd, and end without any of the parent's clean-up."""
    outcome, said = Outcome.RIGHT, ""
    try:
        if not attempt():
            outcome, said = Outcome.WRONG, "answers differ without an error"
    except (SemsigError, OSError) as error:
        outcome, said = Outcome.NAMED, str(error)
    except BaseException:
        outcome, said = Outcome.TRACEBACK, traceback.format_exc(limit=-6)
    sys.stderr.flush()
    os.write(descriptor, said.encode(errors="replace")[-4000:])
    os.close(descriptor)
    os._exit(outcome)
