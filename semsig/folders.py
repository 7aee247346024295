"""Folders of a user's caches and settings, by the conventions of each system."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    r"""Return where downloads are kept: the variable SEMSIG_CACHE, or the system's own place.

    Returns
    -------
    Path
        ``$XDG_CACHE_HOME/semsig`` or ``~/.cache/semsig`` on Linux, ``~/Library/Caches/semsig``
        on macOS, ``%LOCALAPPDATA%\semsig\Cache`` on Windows.

    Raises
    ------
    OSError
        If the system knows no home folder, as in some containers.
    """
    if own := os.environ.get("SEMSIG_CACHE"):
        return Path(own)
    return _known(lambda: platformdirs.user_cache_path("semsig", appauthor=False))


def config_folder() -> Path:
    r"""Return where a user's settings are kept.

    Returns
    -------
    Path
        ``$XDG_CONFIG_HOME/semsig`` or ``~/.config/semsig`` on Linux,
        ``~/Library/Application Support/semsig`` on macOS, ``%APPDATA%\semsig`` on Windows.

    Raises
    ------
    OSError
        If the system knows no home folder.
    """
    return _known(lambda: platformdirs.user_config_path("semsig", appauthor=False, roaming=True))


def _known(place: Callable[[], Path]) -> Path:
    try:
        folder = place()
    except (RuntimeError, ValueError, KeyError) as error:  # which one depends on the system
        raise OSError(errno.ENOENT, "no home folder is known; set HOME", "~") from error
    if not folder.is_absolute():  # older platformdirs leave the ~ in
        raise OSError(errno.ENOENT, "no home folder is known; set HOME", "~")
    return folder
