"""The command that copies an index elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from semsig.cli.console import answer, answer_json, size
from semsig.cli.options import Json


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
