"""Signatures, by which photos are compared: their kinds, registry and options.

The functions ``sbs``, ``sbovp`` and ``pooled`` are names of ``semsig``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from semsig.parallel import check_environment
from semsig.signatures.base import Encoder, Inputs, Needs, SignatureKind, Why
from semsig.signatures.registry import load_signature, signature_kinds, signature_names
from semsig.signatures.signing import Signer, label_map_on_disk

check_environment()  # before the kernels are imported, which would end in a traceback

if TYPE_CHECKING:
    from semsig.signatures.pooled.encoding import PooledEncoder, PooledOptions
    from semsig.signatures.pooled.fitting import fit_pca, fit_whitening
    from semsig.signatures.pooled.projection import Pooling, Projection
    from semsig.signatures.pooled.training import fit_projection, folder_groups
    from semsig.signatures.sbovp.encoding import SbovpOptions
    from semsig.signatures.sbovp.keypoint_cache import KeypointCache, detect_all
    from semsig.signatures.sbovp.keypoints import KeypointDetector, KeypointOptions, load_detector
    from semsig.signatures.sbovp.training import train_vocabulary
    from semsig.signatures.sbovp.vocabulary import Vocabulary, default_vocabulary

__all__ = [
    "Encoder",
    "Inputs",
    "KeypointCache",
    "KeypointDetector",
    "KeypointOptions",
    "Needs",
    "PooledEncoder",
    "PooledOptions",
    "Pooling",
    "Projection",
    "SbovpOptions",
    "SignatureKind",
    "Signer",
    "Vocabulary",
    "Why",
    "default_vocabulary",
    "detect_all",
    "fit_pca",
    "fit_projection",
    "fit_whitening",
    "folder_groups",
    "label_map_on_disk",
    "load_detector",
    "load_signature",
    "signature_kinds",
    "signature_names",
    "train_vocabulary",
]

_HOMES = {
    "KeypointCache": "semsig.signatures.sbovp.keypoint_cache",
    "KeypointDetector": "semsig.signatures.sbovp.keypoints",
    "KeypointOptions": "semsig.signatures.sbovp.keypoints",
    "PooledEncoder": "semsig.signatures.pooled.encoding",
    "PooledOptions": "semsig.signatures.pooled.encoding",
    "Pooling": "semsig.signatures.pooled.projection",
    "Projection": "semsig.signatures.pooled.projection",
    "fit_pca": "semsig.signatures.pooled.fitting",
    "fit_projection": "semsig.signatures.pooled.training",
    "fit_whitening": "semsig.signatures.pooled.fitting",
    "folder_groups": "semsig.signatures.pooled.training",
    "SbovpOptions": "semsig.signatures.sbovp.encoding",
    "Vocabulary": "semsig.signatures.sbovp.vocabulary",
    "default_vocabulary": "semsig.signatures.sbovp.vocabulary",
    "detect_all": "semsig.signatures.sbovp.keypoint_cache",
    "load_detector": "semsig.signatures.sbovp.keypoints",
    "train_vocabulary": "semsig.signatures.sbovp.training",
}


def __getattr__(name: str) -> object:
    """Import what needs Numba or OpenCV on first use, so that indexes open fast (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'semsig.signatures' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
