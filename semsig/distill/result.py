"""What a training run reports while it runs and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from semsig.distill.measure import Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands.

    Parameters
    ----------
    views : int
        Photo-views trained on so far, including earlier runs of the same checkpoint.
    done : float
        Completed share of the run, 0 to 1.
    side : int
        Resolution of the crops, pixels.
    loss : float
        Running mean of the training loss.
    agreement, miou : float or None
        Of the latest evaluation on the held-out photos; None before the first.
    views_per_second : float
        Mean since this process started training.
    minutes_left : float
        Estimated minutes to the end.
    learning_rate : float
        Of the latest step.
    """

    views: int
    done: float
    side: int
    loss: float
    agreement: float | None
    miou: float | None
    views_per_second: float
    minutes_left: float
    learning_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillResult:
    """Results of a run.

    Parameters
    ----------
    out : Path
        The folder with everything it wrote.
    onnx : Path
        The exported network.
    views : int
        Photo-views trained on, including those of earlier runs that it resumed or started from.
    minutes : float
        Minutes spent training, including earlier runs of the same checkpoint.
    held_out : Agreement
        Agreement of the exported network with the teacher on whole held-out photos.
    export_agreement : float
        Share of pixels on which the exported and the trained network agree.
    """

    out: Path
    onnx: Path
    views: int
    minutes: float
    held_out: Agreement
    export_agreement: float
