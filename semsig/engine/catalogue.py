"""Which photos an index holds, by absolute path."""

from __future__ import annotations

import json
from collections.abc import Sequence

from semsig.engine.moving import moved_along
from semsig.errors import UnknownIdError
from semsig.photo import PhotoPath, PhotoRecord, absolute, is_below, is_gone, portable
from semsig.search import HammingIndex


def known_photos(index: HammingIndex) -> dict[str, tuple[int, PhotoRecord]]:
    """Return id and record of every photo in the index, by path."""
    records = map(PhotoRecord.from_json, index.payloads)
    return {r.path: (int(id_), r) for id_, r in zip(index.ids, records, strict=True)}


def _photos_now(index: HammingIndex) -> dict[str, tuple[int, PhotoRecord]]:
    """Return what :func:`known_photos` does, by the new paths if all photos moved together."""
    return {moved_along(index, path): known for path, known in known_photos(index).items()}


def find_photo(index: HammingIndex, path: str) -> tuple[int, PhotoRecord] | None:
    """Return id and record of the photo at `path`, without parsing all records."""
    needle = json.dumps(portable(path))
    for id_, text in zip(index.ids, index.payloads, strict=True):
        if needle in text and (record := PhotoRecord.from_json(text)).path == path:
            return int(id_), record
    return None


def find_key(index: HammingIndex, key: PhotoPath) -> tuple[int, PhotoRecord] | None:
    """Return id and record of the photo at a path, or of the upload of that key."""
    found = find_photo(index, absolute(key))
    if found is None and (given := str(key)) != absolute(key):
        upload = find_photo(index, given)
        return upload if upload is not None and upload[1].is_upload else None
    return found


def key_of(index: HammingIndex, key: PhotoPath) -> str:
    """Return an upload's key as it is, and any other path made absolute."""
    found = find_key(index, key)
    return absolute(key) if found is None else found[1].path


def remove_photos(index: HammingIndex, targets: Sequence[str]) -> list[str]:
    """Remove photos, and all photos below folders; return their paths.

    Raises
    ------
    UnknownIdError
        If a target names no photo in the index; then nothing is removed.
    """
    with index.writer():
        known = _photos_now(index)
        for target in targets:
            if not any(is_below(path, target) for path in known):
                raise UnknownIdError(f"{target} is not in the index, nor any photo below it.")
        gone = [path for path in known if any(is_below(path, target) for target in targets)]
        index.remove([known[path][0] for path in gone])
    return gone


def prune_photos(index: HammingIndex, roots: Sequence[str]) -> list[str]:
    """Remove the photos below `roots` whose files are gone; return their paths.

    Photos in folders without permission to list them stay.
    """
    with index.writer():
        known = _photos_now(index)
        below = [path for path in known if any(is_below(path, root) for root in roots)]
        gone = [path for path in below if not known[path][1].is_upload and is_gone(path)]
        index.remove([known[path][0] for path in gone])
    return gone
