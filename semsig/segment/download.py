"""Download published checkpoints into a cache folder; resumable, and checked by hash."""

from __future__ import annotations

import errno
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from semsig.durable import make_folder, sync_file, sync_folder
from semsig.errors import CheckpointError
from semsig.folders import cache_folder
from semsig.segment.card import sha256_of

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far and the total, None if the server does not state it."""

_CHUNK = 1 << 20
_TIMEOUT = 30.0  # seconds without a byte
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")


_MOST_DIGITS = 19
"""Most digits of a length in bytes: a server may send anything."""


def fetch(url: str, *, folder: Path | None = None, progress: Progress | None = None) -> Path:
    """Return the local copy of a checkpoint, downloading it if it is not there yet.

    An interrupted download leaves ``NAME.part``, and the next call resumes from there. A name
    that ends in ``-HASH.pth``, as those of the model zoo do, states the first digits of the file's
    SHA-256; a file with another hash is discarded.

    Parameters
    ----------
    url : str
        An http or https address.
    folder : Path, optional
        Where to keep the file; created if missing. ``cache_folder() / "checkpoints"`` by default.
    progress : callable, optional
        Called after every megabyte.

    Raises
    ------
    CheckpointError
        If the server cannot be reached, does not have the file, stops early or sends another
        file, or if the file cannot be stored.
    """
    parts = urlsplit(url)
    name = unquote(PurePosixPath(parts.path).name)
    if parts.scheme not in ("http", "https") or not name or "/" in name:
        raise CheckpointError(f"Expected an http or https address of a file, got {url!r}.")
    folder = folder or cache_folder() / "checkpoints"
    target, part = folder / name, folder / f"{name}.part"
    try:
        if _is_whole(target):
            return target
        make_folder(folder)
        resumed = part.exists()
        _download(url, part, progress)
        if resumed and not _is_whole(part, name):
            part.unlink()
            _download(url, part, progress)
        _require_hash(part, url, name)
        with part.open("rb+") as file:
            sync_file(file)
        part.replace(target)
        sync_folder(folder)
    except (OSError, http.client.HTTPException) as error:
        raise CheckpointError(_reason(error, url, part)) from error
    return target


def stated_hash(name: str) -> str | None:
    """Return the SHA-256 prefix that a file name states, as ``x-93db27d0.pth`` does."""
    found = _HASH_IN_NAME.search(name)
    return found[1] if found else None


def _is_whole(path: Path, name: str | None = None) -> bool:
    """Return whether `path` exists and has the hash that its name, or `name`, states."""
    if not path.is_file():
        return False
    return sha256_of(path).startswith(stated_hash(name or path.name) or "")


def _require_hash(part: Path, url: str, name: str) -> None:
    found = sha256_of(part)
    if not found.startswith(stated_hash(name) or ""):
        part.unlink()
        raise CheckpointError(
            f"{url} sent another file than its name states: SHA-256 {found[:8]}..., expected "
            f"{stated_hash(name)}... It was thrown away."
        )


def _download(url: str, part: Path, progress: Progress | None) -> None:
    """Fetch `url` into `part`, resuming where an earlier call stopped."""
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
            return _download(url, part, progress)
        raise
    with answer, part.open("ab") as file:
        if answer.status != HTTPStatus.PARTIAL_CONTENT:
            start = 0
            file.truncate(0)
        length = answer.headers.get("Content-Length")
        stated = length and length.isdecimal() and len(length) < _MOST_DIGITS
        total = start + int(length) if stated else None
        _copy(answer, file, start, total, progress)
    return None


def _copy(
    answer: http.client.HTTPResponse,
    file: BinaryIO,
    done: int,
    total: int | None,
    progress: Progress | None,
) -> None:
    while chunk := answer.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        if progress:
            progress(done, total)
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _reason(error: Exception, url: str, part: Path) -> str:
    """Say what went wrong and what to do."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{url}: the server answered {error.code} {error.reason}."
    if isinstance(error, urllib.error.URLError):
        return (
            f"{url} cannot be reached: {error.reason}. Without a network, bring the file and name "
            "it, as in mmseg:CONFIG@FILE."
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"The disk of {part.parent} is full; make room, or set SEMSIG_CACHE elsewhere."
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{error.filename} cannot be written: {error.strerror}. SEMSIG_CACHE may name another "
            "folder."
        )
    return f"{url} stopped early ({error}); run again to go on from there."
