"""The values that flow from stage to stage: label map, signature, hit."""

from semsig.types.hit import Hit, Metric
from semsig.types.label_map import Image, LabelMap
from semsig.types.sbs import SbsBatch, SbsSignature
from semsig.types.schema import SbsSchema

__all__ = ["Hit", "Image", "LabelMap", "Metric", "SbsBatch", "SbsSchema", "SbsSignature"]
