"""Commands on an index: info, verify, remove, compact, trust, sync."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from semsig.cli import show
from semsig.cli.console import answer, answer_json, remark, size
from semsig.cli.options import IndexFolder, Json

_DAMAGED = 4


def info(index: IndexFolder, as_json: Json = False) -> None:
    """Show what an index holds and what it was made with; list its classes with their photos."""
    from semsig.engine import Engine
    from semsig.engine.info import class_counts
    from semsig.segment.devices import onnx_devices

    engine = Engine.open(index)
    facts, counts = engine.info(), class_counts(engine.index)
    if as_json:
        devices = {"devices": onnx_devices()}
        answer_json({"index": str(index)} | asdict(facts) | devices | {"class_counts": counts})
        return
    answer(f"photos     {facts.photos:,}")
    answer(f"on disk    {size(facts.bytes)}")
    answer(f"signature  n = {facts.levels}, {facts.bits:,} bits")
    answer(f"classes    {facts.n_classes} of {facts.classes}")
    answer(f"segmenter  {facts.segmenter}")
    answer(f"devices    {', '.join(onnx_devices())}")
    for name, made in facts.signatures.items():
        answer(f"{name:10} {made}")
    answer("")
    show.table(
        ("photos", "class"), [(f"{count:,}", name) for name, count in counts.items()], numbers=1
    )


def verify(index: IndexFolder, as_json: Json = False) -> None:
    """Read every file of an index and check that it is as it was written."""
    from semsig.engine import verify_photos

    report = verify_photos(index)
    if as_json:
        answer_json({"index": str(index), "ok": report.ok} | asdict(report))
    elif report.ok:
        answer(
            f"{report.rows:,} photos, {report.files} files, {size(report.bytes)}: all as written"
        )
    else:
        for damage in report.damaged:
            remark(f"{damage.file}: {damage.reason}")
        answer(f"{len(report.damaged)} of {report.files} files are damaged")
    if not report.ok:
        raise typer.Exit(_DAMAGED)


def trust(
    index: IndexFolder,
    forget: Annotated[bool, typer.Option("--forget", help="Revoke the trust.")] = False,
    as_json: Json = False,
) -> None:
    """Let an index load the segmenter that it names: a network file, or a Python configuration.

    Stored in your own settings, for this folder, name and fingerprint only.
    """
    from semsig.engine.trust import forget_index, trust_index

    if forget:
        was = forget_index(index)
        if as_json:
            answer_json({"forgotten": was})
        else:
            answer(f"{index} is no longer trusted" if was else f"{index} was not trusted")
        return
    trusted = trust_index(index)
    if as_json:
        answer_json({"trusted": asdict(trusted)})
    else:
        answer(f"{index} may load {trusted.segmenter} ({trusted.fingerprint})")


def remove(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")],
    index: IndexFolder,
    as_json: Json = False,
) -> None:
    """Take photos out of an index; the files stay."""
    from semsig.engine import Engine

    engine = Engine.open(index)
    gone = engine.remove(photos)
    if as_json:
        answer_json({"index": str(index), "removed": gone, "photos": len(engine)})
    else:
        answer(f"{len(gone):,} removed; {index} holds {len(engine):,} photos")


def compact(index: IndexFolder, as_json: Json = False) -> None:
    """Merge the parts of an index into one, without what was removed."""
    from semsig.engine import Engine

    engine = Engine.open(index)
    before = engine.info().bytes
    engine.compact()
    after = engine.info().bytes
    if as_json:
        answer_json({"index": str(index), "bytes_before": before, "bytes_after": after})
    else:
        answer(f"{size(before)} before, {size(after)} after")


def sync(
    source: Annotated[
        str, typer.Argument(help="Folder of an index; a path, or a URL such as s3://...")
    ],
    target: Annotated[str, typer.Argument(help="A new folder, or an earlier copy.")],
    as_json: Json = False,
) -> None:
    """Copy an index, or bring a copy up to date, while others write and read."""
    from semsig import distributed

    report = distributed.sync(source, target)
    if as_json:
        answer_json({"source": source, "target": target} | asdict(report))
    else:
        answer(
            f"{report.copied:,} files copied, {size(report.bytes)}; {report.deleted:,} deleted; "
            f"{report.indexes:,} {'index' if report.indexes == 1 else 'indexes'} up to date"
        )
