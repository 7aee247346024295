"""Label map, keypoints or features -> signature."""

from semsig.signature.keypoint_cache import KeypointCache, detect_all
from semsig.signature.keypoints import KeypointDetector, KeypointOptions, load_detector
from semsig.signature.pooled import PooledOptions, pooled
from semsig.signature.sbovp import SbovpOptions, sbovp, sbovp_batch
from semsig.signature.sbs import sbs, sbs_batch
from semsig.signature.training import train_vocabulary
from semsig.signature.vocabulary import Vocabulary, default_vocabulary

__all__ = [
    "KeypointCache",
    "KeypointDetector",
    "KeypointOptions",
    "PooledOptions",
    "SbovpOptions",
    "Vocabulary",
    "default_vocabulary",
    "detect_all",
    "load_detector",
    "pooled",
    "sbovp",
    "sbovp_batch",
    "sbs",
    "sbs_batch",
    "train_vocabulary",
]
