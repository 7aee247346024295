"""Fine-tune a network for retrieval on the user's own photos.

Needs torch and onnx, and the extra ``cnn`` for the backbone ``lite0``; importing this package does
not.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from semsig.errors import SegmenterError
from semsig.finetune.options import FinetuneOptions
from semsig.finetune.result import FinetuneResult, Progress

__all__ = ["FinetuneOptions", "FinetuneResult", "Progress", "finetune"]


def finetune(
    options: FinetuneOptions, progress: Callable[[Progress], None] | None = None
) -> FinetuneResult:
    """Train a network so that photos of a group are near each other; export and measure it.

    Parameters
    ----------
    options : FinetuneOptions
        Photos, groups, network, recipe and where to write.
    progress : callable, optional
        Called with a :class:`Progress` after every step.

    Returns
    -------
    FinetuneResult
        Figures on left-out groups before and after training. The files written to ``options.out``
        are ``model.onnx`` with its card ``model.json``, loaded as ``onnx:FILE``;
        ``whitening.npz``, learned on matching photos, used as ``pooled@FILE``;
        ``checkpoint.pth`` (to resume, or to start from); ``weights.safetensors`` (to start from, or
        to share: it contains no names of photos); ``log.jsonl``, ``curves.png`` and
        ``MODEL_CARD.md``.

    Raises
    ------
    SegmenterError
        If torch, onnx or the backbone is not installed.
    OptionError, DatasetError
        If the options do not fit the photos found.
    ReconstructionError
        If structure from motion is requested, and is not installed or finds no pairs.
    CheckpointError
        If the checkpoint to resume or start from belongs to another network or run.
    """
    if find_spec("torch") is None or find_spec("onnx") is None:
        raise SegmenterError(
            "Expected torch and onnx, which fine-tuning needs; pip install torch onnx."
        )
    from semsig.finetune.pipeline import run

    return run(options, progress or (lambda _: None))
