"""Photos at URLs, indexed through local copies and stored under their URLs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from semsig.engine.report import SkippedPhoto
from semsig.interop.exporting import require
from semsig.photo import PhotoRecord
from semsig.search import HammingIndex

LEAST_FSSPEC = "2024.2"


def is_url(photo: str) -> bool:
    """Tell whether a photo is named by a URL."""
    return "://" in photo


class MirroredIndex(HammingIndex):
    """An index whose photos an engine sees at the paths of their copies.

    What is stored names them by URL: the copies may go.
    """

    _urls: Mapping[str, str] = {}
    _copies: Mapping[str, str] = {}

    def show(self, copies: Mapping[str, str]) -> None:
        """Map these URLs to the paths of their copies."""
        self._urls = {path: url for url, path in copies.items()}
        self._copies = dict(copies)

    @property
    def payloads(self) -> Iterator[str]:
        """Payloads in the order of :attr:`ids`, of photos at their paths."""
        for text in super().payloads:
            record = PhotoRecord.from_json(text)
            path = self._copies.get(record.path)
            yield text if path is None else replace(record, path=path).to_json()

    def add(
        self, signatures: Any, ids: Any = None, *, keys: Any = None, payloads: Any = None
    ) -> Any:
        """Add signatures; see :meth:`HammingIndex.add`."""
        return super().add(signatures, ids, keys=keys, payloads=self._named(payloads))

    def replace(self, ids: Any, signatures: Any, *, payloads: Any = None) -> None:
        """Replace signatures; see :meth:`HammingIndex.replace`."""
        super().replace(ids, signatures, payloads=self._named(payloads))

    def _named(self, payloads: Sequence[str]) -> list[str]:
        records = map(PhotoRecord.from_json, payloads)
        return [replace(r, path=self._urls.get(r.path, r.path)).to_json() for r in records]


@contextmanager
def fetched(
    urls: Sequence[str], known: Mapping[str, PhotoRecord], skipped: list[SkippedPhoto]
) -> Iterator[dict[str, str]]:
    """Copy photos that are new or had changed to this machine, as long as the block lasts.

    Parameters
    ----------
    urls : sequence of str
        Where they are.
    known : mapping of str to PhotoRecord
        What is indexed, by URL: those of the same size and time of change are skipped.
    skipped : list of SkippedPhoto
        Those that cannot be read are added to it.
    """
    core = require("fsspec.core", "fsspec", LEAST_FSSPEC)
    folder = Path(tempfile.mkdtemp(prefix="semsig-photos-"))
    copies: dict[str, str] = {}
    try:
        for url in urls:
            # the copy keeps the name, by which label maps on disk are found
            path = folder / sha256(url.encode()).hexdigest()[:32] / url.rpartition("/")[2]
            try:
                path.parent.mkdir()
                filesystem, name = core.url_to_fs(url)
                state = _state(filesystem.info(name))
                before = known.get(url)
                if before is not None and (before.size, before.mtime_ns) == state:
                    continue
                filesystem.get_file(name, str(path))
                os.utime(path, ns=(state[1], state[1]))
                copies[url] = str(path)
            except (OSError, ValueError, ImportError) as error:
                skipped.append(
                    SkippedPhoto(
                        path=url,
                        reason="unreadable",
                        message=f"{url} cannot be read: {error}",
                        kept=url in known,
                    )
                )
        yield copies
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _state(info: Mapping[str, Any]) -> tuple[int, int]:
    """Return size and time of change in nanoseconds, as far as the file system has them.

    Where it tells no time but a tag of the content (S3's ETag), that stands for it.
    """
    size = int(info.get("size") or 0)
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        if isinstance(info.get(key), datetime):
            return size, round(info[key].timestamp() * 1e6) * 1000
        if isinstance(info.get(key), int | float):
            return size, round(info[key] * 1e6) * 1000
    tag = json.dumps(info.get("ETag") or info.get("etag") or "")
    return size, int.from_bytes(sha256(tag.encode()).digest()[:7])
