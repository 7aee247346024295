"""Indexes whose segmenter the user trusts: recorded once, outside the index, for this user alone.

The segmenter that an index names may run code. Trust is given to one folder, name and fingerprint
and, where the name is a configuration in Python, to the present content of that file; if any of
them changes, trust is needed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from semsig.documents import Entries, parse_json
from semsig.durable import open_regular, read_regular, without_tilde, write_file
from semsig.errors import IndexFormatError, OptionError
from semsig.folders import config_folder
from semsig.search import HammingIndex

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """A segmenter that the index in a folder may load.

    Parameters
    ----------
    folder : str
        The index, absolute, links resolved.
    segmenter, fingerprint : str
        What the index remembers.
    config : str
        Hex SHA-256 of the Python file that the name leads to; empty if to none.
    """

    folder: str
    segmenter: str
    fingerprint: str
    config: str

    @classmethod
    def of(cls, index: HammingIndex) -> Trust:
        """Return what would have to be trusted for an index in a folder.

        Raises
        ------
        IndexFormatError
            If it names no segmenter.
        """
        meta = index.meta
        if index.path is None or "segmenter" not in meta:
            raise IndexFormatError(
                f"Expected an index of photos in a folder, got one that names no segmenter "
                f"({index.path}); make one with `semsig index`."
            )
        return cls(
            folder=str(index.path.resolve()),
            segmenter=meta["segmenter"],
            fingerprint=meta.get("segmenter_fingerprint", ""),
            config=_config_digest(meta["segmenter"]),
        )


def trust_file() -> Path:
    """Return the file that keeps what is trusted, in the user's folder of settings."""
    return config_folder() / "trusted.json"


def is_trusted(index: HammingIndex) -> bool:
    """Tell whether the user trusts what an index names."""
    if index.path is None:
        return False
    with suppress(OSError, ValueError, IndexFormatError):
        return Trust.of(index) in _read(trust_file())
    return False


def trust_index(path: Path | str) -> Trust:
    """Let the index in a folder load what it names, from now on.

    Raises
    ------
    IndexFormatError, IndexCorruptError
        If the folder holds no index of photos.
    OptionError
        If the file that keeps what is trusted is damaged, or others can write to it.
    OSError
        If that file cannot be written.
    """
    trusted = Trust.of(HammingIndex.open(Path(path)))
    _write([*(one for one in _known() if one.folder != trusted.folder), trusted])
    return trusted


def forget_index(path: Path | str) -> bool:
    """No longer let the index in a folder load what it names; return whether it was trusted."""
    folder, known = str(Path(path).resolve()), _known()
    left = [one for one in known if one.folder != folder]
    if len(left) < len(known):
        _write(left)
    return len(left) < len(known)


def _known() -> list[Trust]:
    try:
        return _read(trust_file())
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise OptionError(
            f"Expected {trust_file()} to be as semsig wrote it: {error}. Delete it, and trust "
            "again what you trust."
        ) from error


def _read(file: Path) -> list[Trust]:
    """Read what is trusted; ValueError if it is damaged, or someone else may have written it."""
    with open_regular(file) as opened:
        status = os.fstat(opened.fileno())
    foreign = hasattr(os, "geteuid") and status.st_uid != os.geteuid()
    if sys.platform != "win32" and (foreign or status.st_mode & _WRITABLE_BY_OTHERS):
        raise ValueError("others can write to it")
    document = Entries(parse_json(read_regular(file)))
    names = ("folder", "segmenter", "fingerprint", "config")
    return [Trust(**{n: one.text(n) for n in names}) for one in document.tables("trusted")]


def _write(trusted: list[Trust]) -> None:
    file = trust_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = json.dumps({"trusted": [asdict(one) for one in trusted]}, indent=1)
    write_file(file, text.encode(), mode=0o600)


def _config_digest(segmenter: str) -> str:
    """Return the SHA-256 of the Python file that a segmenter's name leads to, if to one."""
    _, _, name = segmenter.rpartition("mmseg:")
    config = without_tilde(name.partition("@")[0])
    with suppress(OSError, ValueError):
        if config.suffix == ".py":
            return hashlib.sha256(read_regular(config)).hexdigest()
    return ""
