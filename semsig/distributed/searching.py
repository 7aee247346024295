"""Photos in, hits of all shards out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semsig.distributed.layout import ShardFolder, Workspace
from semsig.distributed.sharded import ShardedIndex
from semsig.engine import Engine
from semsig.engine.reading import read_pixels
from semsig.engine.searcher import measured_by
from semsig.errors import IndexFormatError, OptionError
from semsig.photo import PhotoPath, PhotoRecord, absolute
from semsig.search import Reranker
from semsig.search.options import Reranking
from semsig.segment import require_features
from semsig.signatures import pooled
from semsig.types import Hit, Metric


def search_photos(
    folder: Path | str,
    photo: PhotoPath,
    k: int = 10,
    *,
    signature: str | None = None,
    metric: Metric | None = None,
    rerank: Reranking | None = None,
    exclude_self: bool = True,
    segmenter: str | None = None,
    client: Any = None,
) -> list[Hit]:
    """Return the `k` photos of all shards that are nearest to a photo.

    Parameters
    ----------
    folder : Path or str
        The folder of shards; a path or a URL.
    photo : path-like
        The photo.
    k : int
        At least 1.
    signature : {"sbs", "pooled"}, optional
        What photos are compared by: pooled where shards have it and no metric is named.
    metric : str, optional
        The distance between SBS signatures, "hamming" by default.
    rerank : RerankOptions or ExpandOptions, optional
        Rank the nearest anew by their neighbours in all shards.
    exclude_self : bool
        Leave the photo's own path out of the hits.
    segmenter : str, optional
        As :meth:`semsig.Engine.open` takes it.
    client : distributed.Client, optional
        As :meth:`ShardedIndex.open` takes it.

    Raises
    ------
    OptionError
        If the signature is another, or a metric is named beside one that has its own.
    SemsigError
        As :meth:`ShardedIndex.open` and :meth:`semsig.Engine.search` do.
    """
    engine = _first(ShardFolder.open(folder), segmenter)
    chosen = signature or ("sbs" if metric or "pooled" not in engine.sides else "pooled")
    if chosen not in ("sbs", "pooled"):
        raise OptionError(
            f"Expected signature sbs or pooled over shards, got {chosen!r}; open one shard's "
            "folder for others: a fusion chooses candidates among all photos."
        )
    if chosen == "pooled" and metric is not None:
        raise OptionError(f"Expected no metric beside 'pooled', got {metric!r}.")
    sharded = ShardedIndex.open(folder, client=client, signature=chosen)
    photos = sharded if chosen == "sbs" else ShardedIndex.open(folder, client=client)
    how: dict[str, Any] = {"metric": metric or "hamming"} if chosen == "sbs" else {}
    asked = [engine.signature(photo) if chosen == "sbs" else _descriptor(engine, photo)]
    if rerank is None:
        distances, ids = sharded.search(asked, k + exclude_self, **how)
    else:
        distances, ids = Reranker(sharded, rerank, **how).search(asked, k + exclude_self)
    measure = measured_by("sbs" if chosen == "sbs" else "pooled", metric, rerank)
    pairs = [(float(d), int(i)) for d, i in zip(distances[0], ids[0], strict=True) if i >= 0]
    named = [(d, i, PhotoRecord.from_json(photos.payload(i)).path) for d, i in pairs]
    own = absolute(photo) if exclude_self else None
    others = [hit for hit in named if hit[2] != own][:k]
    return [
        Hit(rank=rank, id=id_, path=path, distance=distance, metric=measure)
        for rank, (distance, id_, path) in enumerate(others, 1)
    ]


def _first(folder: ShardFolder, segmenter: str | None) -> Engine:
    """Open the first shard that has photos, which knows how photos are signed."""
    for number in range(folder.shards):
        if folder.exists(number):
            workspace = Workspace(folder.shard(number))
            workspace.fetch()
            return Engine.open(workspace.path, segmenter=segmenter)
    raise IndexFormatError(f"Expected photos in some shard of {folder.where}, got none.")


def _descriptor(engine: Engine, photo: PhotoPath) -> Any:
    image = read_pixels(photo, engine.segmenter, None)
    ((_, features),) = require_features(engine.segmenter).describe([image])
    return pooled(features, engine.sides["pooled"].index.schema)
