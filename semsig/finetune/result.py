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
        Epoch from 1, step of it from 1, and steps it has.
    loss : float
        Running mean.
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
        Where the files are.
    groups, photos : int
        Groups and photos that were learned from.
    epochs : int
        How many were run in all.
    minutes : float
        What they took in all.
    power : float
        GeM's exponent as learned.
    before, after : mapping of str to float
        ``left_out``: strict mean average precision among the photos of groups that were left
        out, a query left out of its own ranking; ``old``: the same of the old photos. Without
        such photos, they are missing.
    pairs : int or None
        Hard pairs found by structure from motion; None if it was not used.
    whitened : float or None
        Map of the left-out groups with learned whitening; None where there is none.
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
        """Return everything for JSON."""
        return asdict(self) | {"out": str(self.out), "onnx": str(self.onnx)}
