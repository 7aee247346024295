"""Options of a training run, checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from semsig.errors import OptionError
from semsig.segment.card import PACKAGED
from semsig.segment.export import LEAST_SHARE

Architecture = Literal["hr18s", "hr18", "hr48"]
Optimizer = Literal["muon", "adamw"]
Precision = Literal["auto", "float32", "bfloat16"]

ARCHITECTURES: tuple[Architecture, ...] = ("hr18s", "hr18", "hr48")
OPTIMIZERS: tuple[Optimizer, ...] = ("muon", "adamw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A share of the run at one resolution.

    Parameters
    ----------
    side : int
        Height and width of the square crops in pixels; a multiple of 32, 64 to 1024.
    share : float
        Share of the run, above 0, relative to the shares of the other stages.
    """

    side: int
    share: float

    def __post_init__(self) -> None:
        if self.side % 32 or not 64 <= self.side <= 1024:
            raise OptionError(f"A stage's side is a multiple of 32, 64 to 1024, got {self.side}.")
        if not self.share > 0:
            raise OptionError(f"A stage's share must be above 0, got {self.share}.")

    @classmethod
    def parse(cls, text: str) -> tuple[Stage, ...]:
        """Read ``"128:0.6,192:0.4"``.

        Raises
        ------
        OptionError
            If the text has another form.
        """
        try:
            pairs = [part.split(":") for part in text.split(",")]
            return tuple(cls(side=int(side), share=float(share)) for side, share in pairs)
        except ValueError:
            raise OptionError(
                f"Stages read SIDE:SHARE[,SIDE:SHARE...], as in 128:0.6,192:0.4, got {text!r}."
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillOptions:
    """Options of a training run.

    Parameters
    ----------
    photos : Path
        Folder of photos, searched recursively; file stems must be distinct.
    teacher : str
        ``labels:DIR[@TABLE]`` (one label map per photo, found by stem), or a network:
        ``mmseg:CONFIG[@CHECKPOINT]``, ``onnx:FILE``, ``lite``, ``embedded``. A network labels
        every photo once, into ``out/labels-FINGERPRINT``.
    out : Path
        Folder to write to.
    categories : Path, optional
        CSV with columns ``file`` and ``category`` (also ``source`` and ``licence``, counted in
        the model card): strata of the hold-out. Without it a photo's most frequent class is used.
    notes : Path, optional
        Markdown appended to the model card: what its author knows and no figure shows.
    arch : {"hr18s", "hr18", "hr48"}
        mmsegmentation's ``fcn_hr18s``, ``fcn_hr18`` or ``fcn_hr48``.
    init : tuple of Path
        Start from the weights of an earlier run or any checkpoint with a ``state_dict`` of this
        network; from the mean of several (Wortsman et al. 2022, "Model soups"); or, alone, from
        an exported ``.onnx`` file: ``embedded`` is the network that semsig carries. Classes are
        matched by name where both tables are known.
    resume : bool
        Continue from ``out/checkpoint.pth``.
    views : int
        Length of the run in photo-views; 0 only measures and exports the weights of `init`, or of
        the run to resume.
    minutes : float, optional
        Stop after this many minutes of training even if views are left; the schedule follows
        whichever limit is reached first.
    stages : tuple of Stage
        Resolutions, in order.
    batch_size : int
        Views per step, at least 2.
    optimizer : {"muon", "adamw"}
        Muon for the hidden convolutions and AdamW for the rest, or AdamW for all. A step costs
        about the same; the loss falls faster with the former.
    learning_rate, weight_decay : float
        Of both optimisers; biases and normalisation have no weight decay.
    warmup_views : int
        Views over which the learning rate rises linearly.
    label_smoothing : float
        Share of the target spread evenly over all classes, 0 to below 1.
    mentor : Path, optional
        ONNX network that also scores and describes every crop, see
        :class:`semsig.distill.mentor.Mentor`: its probabilities are targets in addition to the
        labels, void pixels included, and its feature maps are learned as well.
    soft_share : float
        With a mentor, share of the cross-entropy with its probabilities in the loss, 0 to 1.
    hint_weight : float
        With a mentor, weight of the error of predicting its feature maps, at least 0.
    ema_decay : float
        Decay of the running average of the weights, 0 to below 1.
    zoom : float
        Largest magnification of crops, at least 1.
    paste : float
        Share of the crops that get a rectangle of another one pasted in, 0 to 1 (Yun et al.
        2019, "CutMix").
    balance : float
        Photos are drawn in proportion to (photos / photos with its rarest class) ** balance,
        at most 12 times the smallest weight; 0 draws uniformly.
    least_share : float
        The exported network gives pixels only to classes whose mean probability over the photo is
        at least this, 0 to below 1 (:func:`semsig.segment.export.rule_out`).
    holdout : float
        Share of each stratum held out for measuring, above 0, at most 0.5.
    device : str
        ``auto`` (CUDA if it is available), or a torch device.
    precision : {"auto", "float32", "bfloat16"}
        ``auto`` is bfloat16 autocast on CUDA and on processors with AMX (1.8 times the speed
        there), float32 elsewhere; the model card states which.
    compile : bool
        Use torch.compile: up to 1.2 times the speed on a CPU, after minutes of compiling for
        each resolution.
    threads : int, optional
        Torch's threads; its own default if absent.
    workers : int
        Threads that prepare the crops of the next steps; 0 prepares them between steps.
    cache_side : int
        Largest short side in pixels at which photos are kept.
    cache_mb : int
        Memory for decoded photos, in MiB; photos beyond it are decoded at each use.
    report_minutes : float
        Minutes between evaluations, each followed by a checkpoint.
    seed : int
        Seeds the network's initial weights and every crop.

    Raises
    ------
    OptionError
        If an option is out of range.
    """

    photos: Path
    teacher: str
    out: Path
    categories: Path | None = None
    notes: Path | None = None
    arch: Architecture = "hr18s"
    init: tuple[Path, ...] = ()
    resume: bool = False
    views: int = 500_000
    minutes: float | None = None
    stages: tuple[Stage, ...] = (Stage(side=128, share=0.6), Stage(side=192, share=0.4))
    batch_size: int = 16
    optimizer: Optimizer = "muon"
    learning_rate: float = 1e-3
    weight_decay: float = 2e-2
    warmup_views: int = 1_600
    label_smoothing: float = 0.05
    mentor: Path | None = None
    soft_share: float = 0.5
    hint_weight: float = 1.0
    ema_decay: float = 0.999
    zoom: float = 1.8
    paste: float = 0.0
    balance: float = 0.5
    least_share: float = LEAST_SHARE
    holdout: float = 0.05
    device: str = "auto"
    precision: Precision = "auto"
    compile: bool = False
    threads: int | None = None
    workers: int = 1
    cache_side: int = 256
    cache_mb: int = 4_096
    report_minutes: float = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_choices()
        self._at_least(views=0, batch_size=2, zoom=1, warmup_views=0, balance=0, weight_decay=0)
        self._at_least(workers=0, cache_side=32, cache_mb=0, hint_weight=0)
        for name in ("label_smoothing", "ema_decay", "least_share"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} is 0 to below 1, got {getattr(self, name)}.")
        for name in ("learning_rate", "minutes", "report_minutes", "threads"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name} must be above 0, got {value}.")
        for name in ("paste", "soft_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"{name} is 0 to 1, got {getattr(self, name)}.")
        if not 0 < self.holdout <= 0.5:
            raise OptionError(f"holdout is above 0, at most 0.5, got {self.holdout}.")

    def _check_choices(self) -> None:
        if self.arch not in ARCHITECTURES:
            raise OptionError(f"arch is one of {', '.join(ARCHITECTURES)}, got {self.arch!r}.")
        if self.optimizer not in OPTIMIZERS:
            raise OptionError(f"optimizer is muon or adamw, got {self.optimizer!r}.")
        if not self.stages:
            raise OptionError("A run needs at least one stage.")
        if self.notes and not self.notes.is_file():
            raise OptionError(f"There are no notes at {self.notes}.")
        if self.mentor and not self.mentor.is_file():
            raise OptionError(f"There is no mentor at {self.mentor}.")
        if not (self.views or self.init or self.resume):
            raise OptionError("A run without views needs weights: give init, or resume one.")
        if not isinstance(self.init, tuple):
            raise OptionError(f"init is a tuple of paths, got {self.init!r}.")
        if len(self.init) > 1 and self.starts_exported:
            raise OptionError(
                f"A run starts from one exported network or from checkpoints, got {self.init}. "
                "Give the weights.pth that the networks were exported from."
            )

    def _at_least(self, **bounds: int) -> None:
        for name, bound in bounds.items():
            if not getattr(self, name) >= bound:
                raise OptionError(f"{name} is at least {bound}, got {getattr(self, name)}.")

    @property
    def starts_exported(self) -> bool:
        """Whether `init` names an exported network."""
        return any(exported_file(path) for path in self.init)

    @property
    def side(self) -> int:
        """Side of the last stage: the resolution at which figures are measured."""
        return self.stages[-1].side


def exported_file(path: Path) -> Path | None:
    """Return the ONNX file that `path` is, or that ``embedded`` names; None for other files."""
    file = PACKAGED.get(str(path), Path(path))
    return file if file.suffix == ".onnx" else None
