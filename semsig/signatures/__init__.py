"""Label map, keypoints or features -> signature."""
# ruff: noqa: E402

from semsig.parallel import check_environment

check_environment()  # before the imports below reach the kernels

from semsig.signatures.pooled.encoding import PooledOptions, pooled
from semsig.signatures.sbovp.encoding import SbovpOptions, sbovp, sbovp_batch
from semsig.signatures.sbovp.keypoint_cache import KeypointCache, detect_all
from semsig.signatures.sbovp.keypoints import KeypointDetector, KeypointOptions, load_detector
from semsig.signatures.sbovp.training import train_vocabulary
from semsig.signatures.sbovp.vocabulary import Vocabulary, default_vocabulary
from semsig.signatures.sbs.encoding import sbs, sbs_batch

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
