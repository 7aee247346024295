"""The command export: an index for other search engines."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from semsig.cli.console import answer, answer_json
from semsig.cli.options import IndexFolder, Json


class Engine(StrEnum):
    """What an index is exported to."""

    TERMS = "terms"
    ARROW = "arrow"
    CLICKHOUSE = "clickhouse"
    DUCKDB = "duckdb"
    LANCE = "lance"
    MILVUS = "milvus"
    OPENSEARCH = "opensearch"
    POSTGRES = "postgres"
    QDRANT = "qdrant"
    TANTIVY = "tantivy"


def export(
    index: IndexFolder,
    target: Annotated[str, typer.Argument(help="A new file or folder; for a server, its address.")],
    to: Annotated[
        Engine,
        typer.Option(
            help="terms (*.jsonl), arrow (*.parquet, *.arrow), or an engine that then answers "
            "with the same distances; see semsig.interop."
        ),
    ],
    pooled: Annotated[
        bool, typer.Option(help="Export pooled descriptors too, if the index has them.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Write an index for another search engine, completely or not at all."""
    from semsig import interop
    from semsig.search import HammingIndex, PooledIndex, is_unused

    opened, beside = HammingIndex.open(index), index / "pooled"
    descriptors = PooledIndex.open(beside) if pooled and not is_unused(beside) else None
    interop.export(opened, to.value, target, pooled=descriptors)
    if as_json:
        document = {"index": str(index), "to": to.value, "target": target, "photos": len(opened)}
        answer_json(document | {"pooled": descriptors is not None})
    else:
        along = " with pooled descriptors" if descriptors is not None else ""
        answer(f"{len(opened):,} photos{along} written to {target}")
