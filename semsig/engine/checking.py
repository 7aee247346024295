"""Proof that a folder holds the photos' signatures and phrases as they were written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from semsig.engine.phrases import INDEX, VOCABULARY
from semsig.errors import VocabularyError
from semsig.index import Damage, VerifyReport, is_unused, verify_index
from semsig.signature import Vocabulary


def verify_photos(folder: Path) -> VerifyReport:
    """Read every file of an index of photos, those of its phrases among them.

    Parameters
    ----------
    folder : Path
        The index folder.

    Returns
    -------
    VerifyReport
        Rows are those of the photos; files of phrases are named by their path in the folder.

    Raises
    ------
    IndexFormatError, IndexCorruptError
        If the folder, or the one of its phrases, holds no index with a readable manifest.
    """
    photos = verify_index(folder)
    if is_unused(folder / INDEX):
        return photos
    phrases = verify_index(folder / INDEX)
    damaged = [replace(damage, file=f"{INDEX}/{damage.file}") for damage in phrases.damaged]
    size = 0
    try:
        Vocabulary.open(folder / VOCABULARY)
        size = (folder / VOCABULARY).stat().st_size
    except VocabularyError as error:
        damaged.append(Damage(file=VOCABULARY, reason=str(error)))
    return VerifyReport(
        rows=photos.rows,
        files=photos.files + phrases.files + 1,
        bytes=photos.bytes + phrases.bytes + size,
        damaged=photos.damaged + tuple(damaged),
    )
