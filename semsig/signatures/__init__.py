"""Label map, keypoints or features -> signature."""

from semsig.signatures.pooled.encoding import PooledEncoder, PooledOptions, pooled
from semsig.signatures.pooled.fitting import fit_pca, fit_whitening
from semsig.signatures.pooled.projection import Pooling, Projection
from semsig.signatures.pooled.training import fit_projection, folder_groups
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
    "PooledEncoder",
    "PooledOptions",
    "Pooling",
    "Projection",
    "SbovpOptions",
    "Vocabulary",
    "default_vocabulary",
    "detect_all",
    "fit_pca",
    "fit_projection",
    "fit_whitening",
    "folder_groups",
    "load_detector",
    "pooled",
    "sbovp",
    "sbovp_batch",
    "sbs",
    "sbs_batch",
    "train_vocabulary",
]
