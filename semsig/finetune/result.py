"""Results of fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of a run.

    Parameters
    ----------
    epoch, step, steps : int
        Epoch, from 1; step in the epoch, from 1; number of steps in the epoch.
    loss : float
        Running mean of the loss.
    """

    epoch: int
    step: int
    steps: int
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneResult:
    """Results of fine-tuning.

    Parameters
    ----------
    out : Path
        The folder of the files.
    groups, photos : int
        Number of groups and photos in training.
    epochs : int
        Total number of epochs.
    minutes : float
        Total time of the epochs.
    power : float
        GeM's learned exponent.
    before, after : mapping of str to float
        ``left_out``: strict mean average precision among the photos of left-out groups, with each
        query left out of its own ranking; ``old``: the same for the old photos. A key is missing
        if there are no such photos.
    pairs : int or None
        Hard pairs found by structure from motion; None if it was not used.
    whitened : float or None
        Mean average precision of the left-out groups with learned whitening; None without it.
    """

    out: Path
    groups: int
    photos: int
    epochs: int
    minutes: float
    power: float
    before: Mapping[str, float]
    after: Mapping[str, float]
    pairs: int | None = None
    whitened: float | None = None

    @property
    def onnx(self) -> Path:
        """The exported network."""
        return self.out / "model.onnx"

    def as_dict(self) -> dict[str, Any]:
        """Return all results as values for JSON."""
        return asdict(self) | {"out": str(self.out), "onnx": str(self.onnx)}
