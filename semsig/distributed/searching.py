"""Search for a photo in all shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semsig.distributed.layout import ShardFolder, Workspace
from semsig.distributed.sharded import ShardedIndex
from semsig.engine import Engine
from semsig.engine.searcher import measured_by
from semsig.errors import IndexFormatError, OptionError
from semsig.photo import PhotoPath, PhotoRecord, absolute
from semsig.search import Reranker
from semsig.search.options import Reranking
from semsig.types import Hit, Hits
from semsig.types.metrics import refuse_metric


def search_photos(
    folder: Path | str,
    photo: PhotoPath,
    k: int = 10,
    *,
    signature: str | None = None,
    metric: str | None = None,
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
        What photos are compared by; see :meth:`semsig.Engine.ranked_by` for the default.
    metric : str, optional
        The distance, one of the signature's own.
    rerank : RerankOptions or ExpandOptions, optional
        Re-rank the nearest by their neighbours in all shards.
    exclude_self : bool
        Leave the photo's own path out of the hits.
    segmenter : str, optional
        As :meth:`semsig.Engine.open` takes it.
    client : distributed.Client, optional
        As :meth:`ShardedIndex.open` takes it.

    Raises
    ------
    OptionError
        If the signature is another, or a metric is given for one that has its own.
    SemsigError
        As :meth:`ShardedIndex.open` and :meth:`semsig.Engine.search` do.
    """
    engine = _first(ShardFolder.open(folder), segmenter)
    chosen = signature or engine.ranked_by(photo, metric)
    if chosen not in engine.sides:
        raise OptionError(
            f"Expected a signature of {', '.join(engine.sides)} over shards, got {chosen!r}; open "
            "one shard's folder for others: a fusion chooses candidates among all photos."
        )
    kind = engine.sides[chosen].kind
    refuse_metric(chosen, kind.metrics, metric)
    sharded = ShardedIndex.open(folder, client=client, signature=chosen)
    photos = sharded if not kind.folder else ShardedIndex.open(folder, client=client)
    how = kind.search_options(metric or kind.metrics[0])
    asked = [engine.encode(photo, chosen)]
    if rerank is None:
        distances, ids = sharded.search(asked, k + exclude_self, **how)
    else:
        distances, ids = Reranker(sharded, rerank, **how).search(asked, k + exclude_self)
    measure = measured_by(chosen, metric, rerank)
    pairs = [(float(d), int(i)) for d, i in zip(distances[0], ids[0], strict=True) if i >= 0]
    named = [(d, i, PhotoRecord.from_json(photos.payload(i)).path) for d, i in pairs]
    own = absolute(photo) if exclude_self else None
    others = [hit for hit in named if hit[2] != own][:k]
    return Hits(
        Hit(rank=rank, id=id_, path=path, distance=distance, metric=measure)
        for rank, (distance, id_, path) in enumerate(others, 1)
    )


def _first(folder: ShardFolder, segmenter: str | None) -> Engine:
    """Open the first shard that has photos; its engine computes the query's signature."""
    for number in range(folder.shards):
        if folder.exists(number):
            workspace = Workspace(folder.shard(number))
            workspace.fetch()
            return Engine.open(workspace.path, segmenter=segmenter)
    raise IndexFormatError(f"Expected photos in some shard of {folder.where}, got none.")
