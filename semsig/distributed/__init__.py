"""Beyond one machine: shards that Dask builds and searches, and copies elsewhere."""

from semsig.distributed.copying import SyncReport, sync

__all__ = ["SyncReport", "sync"]
