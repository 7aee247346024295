"""The values that flow from stage to stage: label map, keypoints, signature, hit."""

from semsig.types.hit import Hit
from semsig.types.keypoints import Keypoints
from semsig.types.label_map import Image, LabelMap
from semsig.types.metrics import Metric
from semsig.types.pooled import PooledBatch, PooledSchema, PooledSignature
from semsig.types.sbovp import SbovpBatch, SbovpSignature
from semsig.types.sbovp_schema import SbovpSchema
from semsig.types.sbs import SbsBatch, SbsSignature
from semsig.types.schema import SbsSchema

__all__ = [
    "Hit",
    "Image",
    "Keypoints",
    "LabelMap",
    "Metric",
    "PooledBatch",
    "PooledSchema",
    "PooledSignature",
    "SbovpBatch",
    "SbovpSchema",
    "SbovpSignature",
    "SbsBatch",
    "SbsSchema",
    "SbsSignature",
]
