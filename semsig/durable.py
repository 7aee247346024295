"""Files and folders that survive a power cut; opening files, but no links or devices."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

UNSYNCED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""Error codes of file systems that cannot sync a folder: CIFS, WSL's DrvFs, sshfs."""

DOCUMENT_BYTES = 1 << 26
"""Most bytes of a document that is read whole: class tables, cards, descriptions."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def open_inside(folder: Path, name: str, flags: int = os.O_RDONLY) -> int:
    """Open a file that lies in an index folder itself; return its descriptor.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str
        The file's name, without folders.
    flags : int
        As :func:`os.open` takes them; a new file may be read by everyone.

    Raises
    ------
    OSError
        If it cannot be opened, or is a link, no regular file, or one with other names as well.
    """
    path = folder / name
    if path.is_symlink():
        raise OSError(errno.ELOOP, "is a link; expected a file of the folder's own", str(path))
    descriptor = os.open(path, flags | _NO_LINK | _NO_WAIT, 0o644)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        if status.st_nlink > 1:
            raise OSError(errno.EMLINK, "has other names elsewhere; copy it", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_inside(folder: Path, name: str) -> bytes:
    """Read a file that :func:`open_inside` opens."""
    with os.fdopen(open_inside(folder, name), "rb") as file:
        return file.read()


def without_tilde(path: str | os.PathLike[str]) -> Path:
    """Return a path with a leading ``~`` expanded, or unchanged where no home folder is known."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises a RuntimeError


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file for reading that may be a link; pipes and devices could block, or never end.

    Raises
    ------
    OSError
        If it cannot be opened, or is no regular file; its ``filename`` is `path`.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_WAIT)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def read_regular(path: str | os.PathLike[str], *, most: int = DOCUMENT_BYTES) -> bytes:
    """Read a file that :func:`open_regular` opens; OSError, too, beyond `most` bytes."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"has more than {most:,} bytes, the limit", os.fspath(path))
    return content


def sync_file(file: BinaryIO) -> None:
    """Flush a file to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make names in `folder` survive a power cut; Windows does so by itself.

    File systems that cannot sync folders are ignored; errors of the disk are raised.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSYNCED:
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, to survive a power cut."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in reversed(missing):
        sync_folder(each.parent)


def write_file(path: Path, content: bytes, *, sync: bool = True, mode: int | None = None) -> None:
    """Write a file so that after an error or a power cut it has either its old or its new content.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        All of it.
    sync : bool
        False for what can be made again: only after a power cut the file may then be incomplete.
    mode : int, optional
        Permissions; by default those of the file before, or of any new file.

    Raises
    ------
    OSError
        If it cannot be written; its ``filename`` is `path`.
    """
    with writing(path, sync=sync, mode=mode) as file:
        file.write(content)


@contextmanager
def writing(path: Path, *, sync: bool = True, mode: int | None = None) -> Iterator[BinaryIO]:
    """Yield a file to write to, which replaces `path` at the end; see `write_file`.

    A link is kept, and the file it leads to replaced.
    """
    target = path.resolve() if path.is_symlink() else path
    if target.exists() and not target.is_file():  # such as /dev/stdout: nothing to replace
        with path.open("wb") as file:
            yield file
        return
    temporary: Path | None = None
    try:
        if mode is None:
            mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            if sync:
                sync_file(file)
        temporary.chmod(mode)
        temporary.replace(target)
        if sync:
            sync_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def _umask() -> int:
    """Return the process's mask of permissions, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
