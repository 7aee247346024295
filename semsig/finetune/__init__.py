"""Fine-tuning of a network for retrieval on the user's own photos.

Needs torch and onnx, and for the backbone ``lite0`` the extra ``cnn``; importing this package
does not.
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
    """Train a network so that photos of one group are near each other; export and measure it.

    Parameters
    ----------
    options : FinetuneOptions
        Photos, groups, network, recipe and where to write.
    progress : callable, optional
        Called with a :class:`Progress` after every step.

    Returns
    -------
    FinetuneResult
        Figures on groups that were left out, before and after, and the files written under
        ``options.out``: ``model.onnx`` with its card ``model.json``, which ``onnx:FILE`` loads;
        ``whitening.npz``, learned on matching photos, which ``pooled@FILE`` names;
        ``checkpoint.pth`` (to resume, or to start from), ``weights.safetensors`` (to start from, to
        give away: it names no photos), ``log.jsonl``, ``curves.png``,
        ``MODEL_CARD.md``.

    Raises
    ------
    SegmenterError
        If torch, onnx or the backbone are not installed.
    OptionError, DatasetError
        If options do not fit the photos found.
    ReconstructionError
        If structure from motion is asked for, and is not installed or gives no pairs.
    CheckpointError
        If the checkpoint to resume or start from is of another network or run.
    """
    if find_spec("torch") is None or find_spec("onnx") is None:
        raise SegmenterError(
            "Expected torch and onnx, which fine-tuning needs; pip install torch onnx."
        )
    from semsig.finetune.pipeline import run

    return run(options, progress or (lambda _: None))
