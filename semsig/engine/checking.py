"""Verification of an index of photos, with all its signatures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from semsig.errors import IndexStorageError, SignatureError
from semsig.search import Damage, VerifyReport, is_unused, verify_index
from semsig.signatures import SignatureKind, signature_kinds


def verify_photos(folder: Path) -> VerifyReport:
    """Read and check every file of an index of photos, with those of its further signatures.

    Parameters
    ----------
    folder : Path
        The index folder.

    Returns
    -------
    VerifyReport
        Rows are those of the photos; files of further signatures are named by their path in
        the folder.

    Raises
    ------
    IndexFormatError, IndexCorruptError
        If the folder, or one of its further signatures, holds no index with a readable manifest.
    """
    kinds = [kind for kind in signature_kinds() if kind.folder]
    there = [kind for kind in kinds if not is_unused(folder / kind.folder)]
    photos = verify_index(folder)
    reports = [photos, *(_named(kind, verify_index(folder / kind.folder)) for kind in there)]
    reports += [_verify_kept(kind, folder) for kind in there if kind.kept]
    return VerifyReport(
        rows=photos.rows,
        files=sum(report.files for report in reports),
        bytes=sum(report.bytes for report in reports),
        damaged=tuple(damage for report in reports for damage in report.damaged),
    )


def _named(kind: SignatureKind, report: VerifyReport) -> VerifyReport:
    damaged = (replace(one, file=f"{kind.folder}/{one.file}") for one in report.damaged)
    return replace(report, damaged=tuple(damaged))


def _verify_kept(kind: SignatureKind, folder: Path) -> VerifyReport:
    """Read what an encoder stores next to its signatures."""
    try:
        schema = kind.index.open(folder / kind.folder).schema
    except IndexStorageError:  # reported for the index itself
        return VerifyReport()
    try:
        kind.encoder_of(schema, folder)
    except (IndexStorageError, SignatureError) as error:
        damage = Damage(file=kind.kept[0], reason=str(error))
        return VerifyReport(files=len(kind.kept), damaged=(damage,))
    sizes = [path.stat().st_size for path in map(folder.joinpath, kind.kept) if path.exists()]
    return VerifyReport(files=len(sizes), bytes=sum(sizes))
