"""Train an HRNet on photos labelled by a larger teacher.

Needs the extra ``mmseg`` (torch, mmsegmentation); importing this package does not.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from semsig.distill.options import DistillOptions, Stage
from semsig.distill.result import DistillResult, Progress
from semsig.errors import SegmenterError

__all__ = ["DistillOptions", "DistillResult", "Progress", "Stage", "distill"]


def distill(
    options: DistillOptions, progress: Callable[[Progress], None] | None = None
) -> DistillResult:
    """Train, export and measure a network; see :class:`DistillOptions`.

    Parameters
    ----------
    options : DistillOptions
        Photos, teacher, network, recipe and where to write.
    progress : callable, optional
        Called with a :class:`Progress` after every logged step.

    Returns
    -------
    DistillResult
        Figures on the held-out photos. The files written to ``options.out`` are ``model.onnx``,
        ``classes.txt``, ``MODEL_CARD.md``, ``curves.png``, ``overlays.png``, ``failures.png`` (the
        held-out photos with the least agreement), ``log.jsonl``, ``weights.pth`` and
        ``weights.safetensors`` (averaged weights), and ``checkpoint.pth`` (to resume).

    Raises
    ------
    SegmenterError
        If torch or mmsegmentation is not installed, or the teacher fails.
    OptionError
        If the options do not fit the photos found.
    CheckpointError
        If ``init``, ``mentor`` or the checkpoint to resume is of another network or class table.
    """
    if find_spec("torch") is None or find_spec("mmseg") is None:
        raise SegmenterError(
            "Training needs torch and mmsegmentation; install them with pip install '.[mmseg]'."
        )
    from semsig.distill.pipeline import run

    return run(options, progress or (lambda _: None))
