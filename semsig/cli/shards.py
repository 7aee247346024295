"""Indexing and searching in shards, for the commands index and search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsig.cli import show
from semsig.cli.console import answer, answer_json, progress_bar, remark
from semsig.cli.options import DEFAULT_SEGMENTER

if TYPE_CHECKING:
    from semsig.search.options import Reranking

Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Address of a Dask scheduler whose workers do it, such as tcp://host:8786.",
    ),
]
Count = typer.Option(
    "--shards", min=1, help="Number of shards to index in, on --scheduler or on this machine."
)


def is_sharded(index: str) -> bool:
    """Tell whether an index is one of shards, as those at URLs are, without importing Dask."""
    return "://" in index or (Path(index) / "shards.json").is_file()


def refuse(*options: object) -> None:
    """Raise a usage error if one of index's options was given that shards do not take."""
    if any(options):
        raise typer.BadParameter("--prune and options of phrases cannot be used with shards.")


def refuse_device(device: str) -> None:
    """Raise a usage error if a device was named: every worker has its own."""
    if device != "auto":
        raise typer.BadParameter(f"Workers choose their devices; got --device {device}.")


@contextmanager
def connected(scheduler: str | None) -> Iterator[Any]:
    """Connect to a scheduler; without its address, start workers on this machine's cores."""
    from semsig.interop.exporting import refusals, require

    distributed = require("distributed", "distributed", "2024.1")
    with refusals("Dask"):
        made = (
            distributed.Client(scheduler, timeout=10)
            if scheduler
            else distributed.Client(threads_per_worker=1, dashboard_address=":0")
        )
    with made as client:
        yield client


def index(
    photos: Sequence[Path],
    folder: str,
    *,
    scheduler: str | None,
    shards: int | None,
    segmenter: str | None,
    levels: int | None,
    signature: str | None,
    rehash: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Index photos in shards; see :func:`semsig.distributed.index`."""
    from semsig import distributed

    names = {name.strip() for name in signature.split(",")} if signature else None
    if names is not None and not {"sbs"} <= names <= {"sbs", "pooled"}:
        raise typer.BadParameter(f"Expected --signature sbs or sbs,pooled in shards; got {names}.")
    options = distributed.ShardingOptions(
        segmenter=segmenter or DEFAULT_SEGMENTER,
        levels=3 if levels is None else levels,
        pooled=None if names is None else "pooled" in names,
        rehash=rehash,
    )
    with connected(scheduler) as client, progress_bar("indexing") as progress:
        report = distributed.index(
            photos, folder, client=client, shards=shards, options=options, progress=progress
        )
    sizes = distributed.ShardedIndex.open(folder).rows_by_shard if len(photos) else {}
    if as_json:
        more = {"index": folder, "photos": sum(sizes.values()), "shards": sizes}
        answer_json(report.to_dict() | more)
    else:
        answer(
            f"{report.added:,} added, {report.replaced:,} replaced, {report.unchanged:,} unchanged "
            f"in {report.seconds:,.1f} s; {folder} holds {sum(sizes.values()):,} photos in "
            f"{len(sizes):,} shards"
        )
        for skipped in report.skipped:
            remark(f"skipped {skipped.path}: {skipped.reason}")
    if strict and report.skipped:
        raise typer.Exit(3)


def search(
    photo: Path,
    folder: str,
    k: int,
    *,
    scheduler: str | None,
    signature: str | None,
    metric: str | None,
    rerank: Reranking | None,
    segmenter: str | None,
    include_self: bool,
    as_json: bool,
) -> None:
    """Search shards; see :func:`semsig.distributed.search_photos`."""
    from semsig import distributed

    how: dict[str, Any] = {
        "signature": signature,
        "metric": metric,
        "rerank": rerank,
        "exclude_self": not include_self,
        "segmenter": segmenter,
    }
    if scheduler is None:
        hits = distributed.search_photos(folder, photo, k, **how)
    else:
        with connected(scheduler) as client:
            hits = distributed.search_photos(folder, photo, k, client=client, **how)
    if as_json:
        found = [
            {"rank": hit.rank, "id": hit.id, "path": hit.path, "distance": hit.distance}
            for hit in hits
        ]
        answer_json(
            {"query": str(photo), "metric": hits[0].metric if hits else None, "hits": found}
        )
    else:
        show.hits(hits, [""] * len(hits))
