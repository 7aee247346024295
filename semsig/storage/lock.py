"""The writer's lock: held by the operating system, so that it ends with its process."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakSet

from semsig.durable import open_inside, read_inside
from semsig.errors import IndexLockedError

LOCK = "writer.lock"
_PAUSE = 0.05
"""Seconds between two attempts to lock."""


class WriterLock:
    """One writer at a time in an index folder.

    The file says who writes (process, host, time) for messages only; what excludes others is
    the operating system's lock on it, which a killed process cannot leave behind. The file
    stays: deleting it would let two writers lock two files of one name.

    Parameters
    ----------
    folder : Path
        The index folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._descriptor = -1

    @property
    def held(self) -> bool:
        """Whether this process has the lock."""
        return self._descriptor >= 0

    def acquire(self, timeout: float = 0) -> None:
        """Take the lock.

        Parameters
        ----------
        timeout : float
            Seconds to wait for another writer to end.

        Raises
        ------
        IndexLockedError
            If another writer has it; the message names it.
        OSError
            If the folder cannot be written to.
        """
        descriptor = open_inside(self._path.parent, LOCK, os.O_RDWR | os.O_CREAT)
        try:
            _wait(descriptor, timeout)
            holder = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, json.dumps(holder).encode())
        except BlockingIOError as error:
            os.close(descriptor)
            raise IndexLockedError(
                f"{self._path.parent} is being written to by {self._holder()}. "
                "Wait until it ends, or stop it."
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        _HELD.add(self)

    def release(self) -> None:
        """Release the lock, if this process has it."""
        if self.held:
            os.close(self._descriptor)
        self._descriptor = -1
        _HELD.discard(self)

    def _holder(self) -> str:
        try:
            holder = json.loads(read_inside(self._path.parent, LOCK))
            return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return "another process"


_HELD: WeakSet[WriterLock] = WeakSet()


def _leave_to_parent() -> None:
    """Close a forked child's copies of lock files, or they would keep locks the parent releases."""
    for lock in list(_HELD):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


def _wait(descriptor: int, timeout: float) -> None:
    """Lock a file; BlockingIOError if another process holds it throughout the timeout."""
    end = time.monotonic() + timeout
    while True:
        try:
            return _lock(descriptor)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(min(_PAUSE, max(0.0, end - time.monotonic())))


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        beyond_the_text = 1 << 20
        os.lseek(descriptor, beyond_the_text, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
