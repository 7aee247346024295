"""The values that flow from stage to stage: label map, keypoints, signature, hit."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semsig.types.hit import Hit as Hit
    from semsig.types.hit import Hits as Hits
    from semsig.types.keypoints import Keypoints as Keypoints
    from semsig.types.label_map import Image as Image
    from semsig.types.label_map import LabelMap as LabelMap
    from semsig.types.metrics import Metric as Metric
    from semsig.types.pooled import PooledBatch as PooledBatch
    from semsig.types.pooled import PooledSchema as PooledSchema
    from semsig.types.pooled import PooledSignature as PooledSignature
    from semsig.types.sbovp import SbovpBatch as SbovpBatch
    from semsig.types.sbovp import SbovpSignature as SbovpSignature
    from semsig.types.sbovp_schema import SbovpSchema as SbovpSchema
    from semsig.types.sbs import SbsBatch as SbsBatch
    from semsig.types.sbs import SbsSignature as SbsSignature
    from semsig.types.schema import SbsSchema as SbsSchema

_HOMES = {
    "Hit": "hit",
    "Hits": "hit",
    "Image": "label_map",
    "Keypoints": "keypoints",
    "LabelMap": "label_map",
    "Metric": "metrics",
    "PooledBatch": "pooled",
    "PooledSchema": "pooled",
    "PooledSignature": "pooled",
    "SbovpBatch": "sbovp",
    "SbovpSchema": "sbovp_schema",
    "SbovpSignature": "sbovp",
    "SbsBatch": "sbs",
    "SbsSchema": "schema",
    "SbsSignature": "sbs",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> object:
    """Import a name on first use: the command line reads names of metrics without NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'semsig.types' has no attribute {name!r}")
    value = getattr(import_module(f"semsig.types.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
