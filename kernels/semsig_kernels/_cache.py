"""Cache of compiled kernels on disk, in a private folder; each file is verified before use.

Numba's own cache fails if neither the package's folder nor the home folder is writable, and a
damaged file in it breaks, or aborts, every later run. Here each file holds a SHA-256 digest and a
pickle. A file whose digest does not match is deleted and its kernel compiled again; if no folder
is writable, kernels are compiled in each process. Loading a pickle can run arbitrary code, so
only a folder that nobody else can write to is used.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import platform
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator
from numba.core.serialize import dumps

LOG = logging.getLogger("semsig.kernels")
FOLDER = "semsig-kernels"
_DIGEST_BYTES = 32
"""Size of a SHA-256 digest, with which each file starts."""

_said: set[str] = set()


def say_once(level: int, text: str) -> None:
    """Log a message, at most once per process."""
    if text not in _said:
        _said.add(text)
        LOG.log(level, text)


def find_folder(sources: str) -> Path | None:
    """Return the cache folder for these sources on this CPU, or None if no place is suitable.

    NUMBA_CACHE_DIR is the only candidate if it is set; otherwise the user's cache folder, then
    the folder for temporary files. The first one that is private and writable is taken.
    """
    tag = _tag(sources)
    for place in _places():
        folder = place / tag
        with suppress(OSError):
            _make_private(place)
            _make_private(folder)
            tempfile.TemporaryFile(dir=folder).close()
            return folder
    return None


def _tag(sources: str) -> str:
    """Return a folder name that identifies all that compiled code depends on."""
    cpu = llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten()
    options = numba.config.CPU_NAME, numba.config.CPU_FEATURES, numba.config.BOUNDSCHECK
    versions = sys.version, numba.__version__, llvmlite.__version__, platform.machine()
    made = hashlib.sha256(repr((sources, cpu, options, versions)).encode()).hexdigest()
    return f"{sources}-{made[:16]}"


def _places() -> list[Path]:
    """Return the candidate folders, in order of preference."""
    if numba.config.CACHE_DIR:
        return [Path(numba.config.CACHE_DIR) / FOLDER]
    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    places = [Path(tempfile.gettempdir()) / f"{FOLDER}-{user}"] if _has_temporary() else []
    with suppress(RuntimeError):  # no home
        places.insert(0, _user_cache() / FOLDER)
    return places


def _has_temporary() -> bool:
    try:
        return bool(tempfile.gettempdir())
    except OSError:
        return False


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _make_private(folder: Path) -> None:
    """Create a folder that only the user can write to; raise OSError if others can."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(folder)
    if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError(f"{folder} is not the user's own")


class _Locator(InTreeCacheLocator):  # type: ignore[misc]
    """A locator that always applies; its location is unused, :class:`KernelCache` has its own."""

    def ensure_cache_path(self) -> None:
        """Leave the package's own folder alone."""


class _Results(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Locator,)

    def __init__(self, function: Any) -> None:
        asked, numba.config.CACHE_LOCATOR_CLASSES = numba.config.CACHE_LOCATOR_CLASSES, ""
        try:
            super().__init__(function)
        finally:
            numba.config.CACHE_LOCATOR_CLASSES = asked


class KernelCache(FunctionCache):  # type: ignore[misc]
    """The cache of one kernel, in the interface that Numba expects.

    Parameters
    ----------
    function : callable
        The kernel as a Python function.
    folder : Path, optional
        The cache folder; with None, the kernel is compiled in each process.
    """

    _impl_class = _Results

    def __init__(self, function: Any, folder: Path | None) -> None:
        super().__init__(function)
        self._folder = folder
        self._stem = f"{function.__module__}.{function.__qualname__}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kernel compiled for a signature, or None if it must be compiled."""
        if self._folder is None:
            say_once(
                logging.WARNING,
                "No folder for compiled kernels can be written to: they are compiled anew in each "
                "process. Set NUMBA_CACHE_DIR to a folder of your own.",
            )
            return None
        target_context.refresh()
        path = self._path(self._index_key(sig, target_context.codegen()))
        try:
            content = path.read_bytes()
        except OSError:
            say_once(logging.INFO, f"Compiling kernels, once; they are kept in {self._folder}.")
            return None
        try:
            return self._impl.rebuild(target_context, _unpacked(content))
        except Exception:  # whatever is wrong with the file, compiling again is safe
            say_once(logging.INFO, f"Damaged kernels in {self._folder} are compiled again.")
            with suppress(OSError):
                path.unlink()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store a compiled kernel; a failed write is logged, not raised."""
        if self._folder is None or not self._impl.check_cachable(data):
            return
        path = self._path(self._index_key(sig, data.codegen))
        content = dumps(self._impl.reduce(data))
        try:
            _write(path, hashlib.sha256(content).digest() + content)
        except OSError as error:
            say_once(
                logging.WARNING,
                f"Compiled kernels cannot be kept in {self._folder} ({error.strerror}): they are "
                "compiled anew in each process.",
            )

    def _path(self, key: Any) -> Path:
        assert self._folder is not None
        return self._folder / f"{self._stem}-{hashlib.sha256(repr(key).encode()).hexdigest()}.bin"


def _unpacked(content: bytes) -> Any:
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("the checksum differs")
    return pickle.loads(body)  # noqa: S301  # the folder is the user's own


def _write(path: Path, content: bytes) -> None:
    """Write a file atomically, so that concurrent writers of the same file cannot mix."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
