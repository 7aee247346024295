"""semsig: semantic-segmentation signatures for image retrieval."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semsig.classes import ClassTable as ClassTable
    from semsig.engine import Engine as Engine
    from semsig.errors import SemsigError as SemsigError
    from semsig.estimators import PooledTransformer as PooledTransformer
    from semsig.estimators import SbsNeighbors as SbsNeighbors
    from semsig.estimators import SbsTransformer as SbsTransformer
    from semsig.photo.image_files import read_image as read_image
    from semsig.search import HammingIndex as HammingIndex
    from semsig.search import L2Index as L2Index
    from semsig.search import PooledIndex as PooledIndex
    from semsig.search import merge as merge
    from semsig.search import merge_radius as merge_radius
    from semsig.segment import load_segmenter as load_segmenter
    from semsig.signatures import Vocabulary as Vocabulary
    from semsig.signatures import load_detector as load_detector
    from semsig.signatures import load_signature as load_signature
    from semsig.signatures.pooled.encoding import pooled as pooled
    from semsig.signatures.presets import Preset as Preset
    from semsig.signatures.sbovp.encoding import sbovp as sbovp
    from semsig.signatures.sbs.encoding import sbs as sbs
    from semsig.types import Hit as Hit
    from semsig.types import LabelMap as LabelMap
    from semsig.types import PooledBatch as PooledBatch
    from semsig.types import PooledSchema as PooledSchema
    from semsig.types import PooledSignature as PooledSignature
    from semsig.types import SbovpBatch as SbovpBatch
    from semsig.types import SbovpSchema as SbovpSchema
    from semsig.types import SbovpSignature as SbovpSignature
    from semsig.types import SbsBatch as SbsBatch
    from semsig.types import SbsSchema as SbsSchema
    from semsig.types import SbsSignature as SbsSignature

__version__ = "0.1.0"

_HOMES = {
    "ClassTable": "semsig.classes",
    "Engine": "semsig.engine",
    "HammingIndex": "semsig.search",
    "Hit": "semsig.types",
    "L2Index": "semsig.search",
    "LabelMap": "semsig.types",
    "PooledBatch": "semsig.types",
    "PooledIndex": "semsig.search",
    "PooledSchema": "semsig.types",
    "PooledSignature": "semsig.types",
    "PooledTransformer": "semsig.estimators",
    "SbovpBatch": "semsig.types",
    "SbovpSchema": "semsig.types",
    "SbovpSignature": "semsig.types",
    "SbsBatch": "semsig.types",
    "SbsNeighbors": "semsig.estimators",
    "SbsSchema": "semsig.types",
    "Preset": "semsig.signatures.presets",
    "SbsSignature": "semsig.types",
    "SbsTransformer": "semsig.estimators",
    "SemsigError": "semsig.errors",
    "Vocabulary": "semsig.signatures",
    "load_detector": "semsig.signatures",
    "load_segmenter": "semsig.segment",
    "load_signature": "semsig.signatures",
    "merge": "semsig.search",
    "merge_radius": "semsig.search",
    "read_image": "semsig.photo.image_files",
    "pooled": "semsig.signatures.pooled.encoding",
    "sbovp": "semsig.signatures.sbovp.encoding",
    "sbs": "semsig.signatures.sbs.encoding",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that ``import semsig`` stays fast (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'semsig' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
