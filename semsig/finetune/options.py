"""Options of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args

from semsig.errors import OptionError

Source = Literal["folders", "table", "mined", "sfm", "views"]
"""Where matching photos come from.

- ``"folders"``: photos of one class folder match;
- ``"table"``: photos that a CSV gives one label;
- ``"mined"``: no labels: photos of one thing, found by VLAD and verified by geometry;
- ``"sfm"``: the same, and of these the hard pairs that structure from motion tells (extra ``sfm``);
- ``"views"``: no labels: every photo matches crops and warps of itself.
"""

Loss = Literal["groups", "contrastive", "triplet"]
"""What pulls matching photos together.

- ``"groups"``: of photos by the dozen, four that match each other, all others apart; see
  :func:`semsig.finetune.losses.group_loss`;
- ``"contrastive"``, ``"triplet"``: of a query, a hard match, and the hardest others.
"""

_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (0, 1000),
    "tuples": (1, 1_000_000),
    "negatives": (1, 64),
    "batch": (1, 1024),
    "side": (64, 1024),
    "learning_rate": (1e-9, 1),
    "decay": (1e-3, 1),
    "margin": (1e-6, 4),
    "keep": (0, 1),
    "left_out": (0, 0.9),
    "teacher": (0, 1e6),
    "minutes": (0, inf),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneOptions:
    """Options of fine-tuning.

    Parameters
    ----------
    photos : Path
        Folder of photos.
    out : Path
        Folder to write to.
    source : Source
        Where matching photos come from.
    table : Path, optional
        The CSV of ``"table"``: columns file and label, see :func:`semsig.datasets.own_dataset`.
    backbone : str
        ``"lite0"``, EfficientNet-Lite0 as ImageNet trained it (extra ``cnn``), which "lite" is
        made of; ``"cnn:NAME[@WEIGHTS]"``, a network of torchvision or timm; or ``"tiny"``, four
        convolutions from random weights.
    init : Path, optional
        A checkpoint of an earlier run, of the same backbone, to start from.
    loss : {"groups", "contrastive", "triplet"}
        What pulls matching photos together and pushes others apart.
    margin : float
        Distance beyond which photos that do not match are ignored: the distance itself for
        "contrastive", the excess of squared distances over the matching photo's for "triplet".
    epochs : int
        Number of epochs, each with newly drawn photos; 0 exports the network untrained.
    tuples : int
        Queries per epoch, each with three matches if the loss is "groups", else with a match and
        `negatives` others.
    negatives : int
        Hardest photos of other groups per query, each of a different group.
    batch : int
        Queries per step.
    side : int
        Pixels of the square crops that are learned from; short side of the exported network.
    learning_rate, decay : float
        Of AdamW, and what it is multiplied by after each epoch; GeM's exponent learns ten times
        as fast.
    keep : float
        Share of the weights as they were that is mixed into the trained ones in the end, 0 to 1:
        what a network knew beyond the photos it learned from is then not lost (Wortsman et al.,
        Robust fine-tuning of zero-shot models, CVPR 2022).
    left_out : float
        Share of the groups that is left out to measure on, 0 to 0.9; 0 measures nothing.
    teacher : float
        Weight of the squared distance to what the network made of each photo at the start: it
        keeps what it knew. 0 for none.
    old : Path, optional
        Class folders of photos that the network was made for before, to measure what it forgets.
    minutes : float
        Stop after this time even if epochs are left.
    resume : bool
        Continue the run in `out`.
    seed : int
        Seed of all random choices.

    Raises
    ------
    OptionError
        If a value is out of range.
    """

    photos: Path
    out: Path
    source: Source = "folders"
    table: Path | None = None
    backbone: str = "lite0"
    init: Path | None = None
    loss: Loss = "groups"
    margin: float = 0.7
    epochs: int = 2
    tuples: int = 800
    negatives: int = 3
    batch: int = 16
    side: int = 160
    learning_rate: float = 1e-4
    decay: float = 0.5
    keep: float = 0.5
    left_out: float = 0.2
    teacher: float = 0.0
    old: Path | None = None
    minutes: float = inf
    resume: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise OptionError(f"Expected {name} of {low:g} to {high:g}, got {value}.")
        for name, known in (("source", Source), ("loss", Loss)):
            value = getattr(self, name)
            if value not in get_args(known):
                raise OptionError(f"Expected {name} {', '.join(get_args(known))}, got {value!r}.")
        if (self.source == "table") != (self.table is not None):
            raise OptionError("Expected a CSV of labels with source 'table', and only with it.")
        if self.side % 32:
            raise OptionError(f"Expected side in multiples of 32, got {self.side}.")

    def recipe(self) -> dict[str, Any]:
        """Return what a resumed run must have in common with the one that it continues."""
        names = ("source", "backbone", "loss", "margin", "tuples", "negatives", "batch", "side",
                 "learning_rate", "decay", "keep", "left_out", "teacher", "seed")  # fmt: skip
        return {name: getattr(self, name) for name in names}
