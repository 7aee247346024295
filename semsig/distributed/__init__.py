"""More than one machine: shards that Dask builds and searches, and copies of indexes."""

from semsig.distributed.copying import SyncReport, sync
from semsig.distributed.indexing import ShardingOptions, index
from semsig.distributed.rebalancing import rebalance
from semsig.distributed.searching import search_photos
from semsig.distributed.sharded import ShardedIndex

__all__ = [
    "ShardedIndex",
    "ShardingOptions",
    "SyncReport",
    "index",
    "rebalance",
    "search_photos",
    "sync",
]
