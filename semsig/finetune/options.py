"""Options of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args

from semsig.errors import OptionError

Source = Literal["folders", "table", "mined", "sfm", "views"]
"""How matching photos are found.

- ``"folders"``: photos of one class folder match;
- ``"table"``: photos with one label in a CSV match;
- ``"mined"``: without labels: photos of the same thing, found by VLAD and verified by geometry;
- ``"sfm"``: of these, the hard pairs found by structure from motion (extra ``sfm``);
- ``"views"``: without labels: every photo matches crops and warps of itself.
"""

Loss = Literal["groups", "contrastive", "triplet"]
"""The loss that pulls matching photos together.

- ``"groups"``: over a batch made of groups of four matching photos, which are pulled together and
  pushed apart from all others; see :func:`semsig.finetune.losses.group_loss`;
- ``"contrastive"``, ``"triplet"``: over a query, a hard match, and the hardest others.
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
        How matching photos are found.
    table : Path, optional
        The CSV of ``"table"``: columns file and label, see :func:`semsig.datasets.own_dataset`.
    backbone : str
        ``"lite0"``, EfficientNet-Lite0 pre-trained on ImageNet (extra ``cnn``), the backbone of
        "lite"; ``"cnn:NAME[@WEIGHTS]"``, a network of torchvision or timm; or ``"tiny"``, four
        convolutions with random initial weights.
    init : Path, optional
        A checkpoint of an earlier run with the same backbone, to start from.
    loss : {"groups", "contrastive", "triplet"}
        The loss that pulls matching photos together and pushes others apart.
    margin : float
        Distance beyond which non-matching photos are ignored: for "contrastive" the distance
        itself, for "triplet" the excess of its square over that of the matching photo.
    epochs : int
        Number of epochs, each with newly drawn photos; 0 exports the network untrained.
    tuples : int
        Queries per epoch, each with three matches if the loss is "groups", else with one match and
        `negatives` others.
    negatives : int
        Number of hardest photos of other groups per query, each of a different group.
    batch : int
        Queries per step.
    side : int
        Side in pixels of the square training crops; short side of the exported network.
    learning_rate, decay : float
        AdamW's learning rate, and the factor it is multiplied by after each epoch; the learning
        rate of GeM's exponent is ten times as high.
    keep : float
        Share of the initial weights that is mixed into the trained ones at the end, 0 to 1, so that
        the network keeps what it knew beyond the training photos (Wortsman et al., Robust
        fine-tuning of zero-shot models, CVPR 2022).
    left_out : float
        Share of the groups that is left out to measure on, 0 to 0.9; 0 measures nothing.
    teacher : float
        Weight of the squared distance between each photo's descriptor and the one of the initial
        network, so that the network keeps what it knew. 0 for none.
    old : Path, optional
        Class folders of photos that the network was trained for before, to measure forgetting.
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
        """Return the options in which a resumed run must equal the run that it continues."""
        names = ("source", "backbone", "loss", "margin", "tuples", "negatives", "batch", "side",
                 "learning_rate", "decay", "keep", "left_out", "teacher", "seed")  # fmt: skip
        return {name: getattr(self, name) for name in names}
