"""The training loop: in each epoch, mine, draw tuples, and step; a run can be resumed by epoch."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from semsig.distill.checkpoint import write_checkpoint, write_weights
from semsig.durable import read_regular
from semsig.errors import CheckpointError
from semsig.finetune.groups import Groups, unlabelled
from semsig.finetune.losses import group_loss, tuple_loss
from semsig.finetune.network import DescriptorNetwork
from semsig.finetune.options import FinetuneOptions
from semsig.finetune.result import Progress
from semsig.finetune.tuples import draw_groups, draw_tuples
from semsig.finetune.views import middle_crop, random_crop, random_view
from semsig.segment.checkpoint import load_checkpoint
from semsig.types import Image

_AT_ONCE = 64
MEMORY = 0.95
"""Decay of the running mean of the loss."""


class Training:
    """A run: a network, the photos it learns from, and its progress.

    Batch norms keep their statistics, as in Radenovic et al. 2019, because tuples of hard photos
    are not a representative sample.

    Parameters
    ----------
    options : FinetuneOptions
        The recipe.
    network : DescriptorNetwork
        The network, which is trained in place.
    groups : Groups
        The photos that it learns from.

    Raises
    ------
    CheckpointError
        If the checkpoint to resume from belongs to another run.
    """

    def __init__(
        self, options: FinetuneOptions, network: DescriptorNetwork, groups: Groups
    ) -> None:
        self.options, self.network, self.groups = options, network.eval(), groups
        self.epoch, self.minutes, self.loss = 0, 0.0, float("nan")
        self.views = unlabelled(groups)
        # positions in a tuple that hold a match: all but the query's if the loss is of groups
        self._same = (1, 2, 3) if options.loss == "groups" else (1,)
        self.start = copy.deepcopy(network.state_dict())
        self.teacher = copy.deepcopy(network).requires_grad_(False) if options.teacher else None
        rest = [weight for name, weight in network.named_parameters() if name != "power"]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": rest, "lr": options.learning_rate, "weight_decay": 1e-4},
                {"params": [network.power], "lr": 10 * options.learning_rate, "weight_decay": 0},
            ]
        )
        if options.resume:
            self._restore()

    @property
    def checkpoint(self) -> Path:
        """The file from which the run can be resumed."""
        return self.options.out / "checkpoint.pth"

    @property
    def log(self) -> Path:
        """The log, with one JSON object per epoch."""
        return self.options.out / "log.jsonl"

    def run(
        self, progress: Callable[[Progress], None], measure: Callable[[], dict[str, float]]
    ) -> None:
        """Train until epochs or minutes are used up, saving after each epoch."""
        end = time.monotonic() + 60 * (self.options.minutes - self.minutes)
        while self.epoch < self.options.epochs and time.monotonic() < end:
            start = time.monotonic()
            whole = self._run_epoch(progress, end)
            self.minutes += (time.monotonic() - start) / 60
            if not whole:
                break  # drop an unfinished epoch, so that resuming is exact
            self.epoch += 1
            self._finish_epoch(measure)
        if self.epoch and self.checkpoint.exists():
            start_from(self.network, self.checkpoint)
        else:
            self.network.load_state_dict(self.start)

    def _finish_epoch(self, measure: Callable[[], dict[str, float]]) -> None:
        """Save the weights; measure the mixed network that would be exported."""
        trained = copy.deepcopy(self.network.state_dict())
        given_back = mixed(self.start, trained, self.options.keep)
        self.network.load_state_dict(given_back)
        measured = measure()
        self.network.load_state_dict(trained)
        backbone = self.options.backbone.partition("@")[0]  # the rest is a local path
        shared = {"epoch": self.epoch, "backbone": backbone}
        write_weights(self.options.out / "weights.safetensors", given_back, shared)
        self._save(measured)

    def _run_epoch(self, progress: Callable[[Progress], None], end: float) -> bool:
        """Run one epoch, which depends only on seed, number and weights; False if cut short."""
        options = self.options
        random = np.random.default_rng((options.seed, self.epoch))
        for group, scale in zip(self.optimizer.param_groups, (1, 10), strict=True):
            group["lr"] = scale * options.learning_rate * options.decay**self.epoch
        tuples = self._draw(random)
        steps = -(-len(tuples) // options.batch)
        for step in range(steps):
            if time.monotonic() > end:
                return False
            some = tuples[step * options.batch : (step + 1) * options.batch]
            loss = self._step(some, random)
            self.loss = loss if np.isnan(self.loss) else MEMORY * self.loss + (1 - MEMORY) * loss
            progress(Progress(epoch=self.epoch + 1, step=step + 1, steps=steps, loss=self.loss))
        return True

    def _draw(self, random: np.random.Generator) -> NDArray[np.int64]:
        options, labels, matches = self.options, self.groups.labels, self.groups.matches
        if options.loss == "groups":
            return draw_groups(labels, count=options.tuples, random=random, matches=matches)
        return draw_tuples(
            describe(self.network, self.groups.images, options.side),
            labels,
            count=options.tuples,
            negatives=options.negatives,
            random=random,
            matches=matches,
        )

    def _loss(self, descriptors: Any, tuples: NDArray[np.int64]) -> Any:
        if self.options.loss == "groups":
            matching, apart = self.groups.relations(tuples.ravel())
            return group_loss(descriptors, torch.from_numpy(matching), torch.from_numpy(apart))
        shaped = descriptors.reshape(*tuples.shape, -1)
        return tuple_loss(shaped, self.options.loss, self.options.margin)

    def _step(self, tuples: NDArray[np.int64], random: np.random.Generator) -> float:
        photos = torch.from_numpy(np.stack([self._view(*one, random) for one in _places(tuples)]))
        descriptors = self.network(photos)
        loss = self._loss(descriptors, tuples)
        if self.teacher is not None:
            with torch.no_grad():
                known = self.teacher(photos)
            kept = (descriptors - known).square().sum(1).mean()
            loss = loss + self.options.teacher * kept
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimizer.step()
        with torch.no_grad():
            self.network.power.clamp_(1.0, 20.0)  # at 20 powers fit float32: 6^20 is 4e15
        return float(loss.detach())

    def _view(self, number: int, place: int, random: np.random.Generator) -> Image:
        """Return a random crop of a photo; as a match of itself, a view from another place."""
        image, side = self.groups.images[number], self.options.side
        seen = random_view if self.views and place in self._same else random_crop
        return np.ascontiguousarray(seen(image, side, random))

    def _save(self, measured: dict[str, float]) -> None:
        row = {
            "epoch": self.epoch,
            "loss": self.loss,
            "minutes": self.minutes,
            "power": float(self.network.power.detach()),
            **measured,
        }
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        meta = {
            "epoch": self.epoch,
            "loss": self.loss,
            "minutes": self.minutes,
            "recipe": self.options.recipe(),
            "photos": list(self.groups.names),
        }
        content = {
            "state_dict": self.network.state_dict(),
            "start": self.start,
            "optimizer": self.optimizer.state_dict(),
            "teacher": self.teacher.state_dict() if self.teacher else None,
            "meta": meta,
        }
        write_checkpoint(self.checkpoint, content)

    def _restore(self) -> None:
        saved = load_checkpoint(self.checkpoint)
        meta = saved["meta"]
        recipe = self.options.recipe()
        other = [name for name, value in recipe.items() if meta["recipe"].get(name) != value]
        if other or meta["photos"] != list(self.groups.names):
            what = ", ".join(other) or "photos"
            raise CheckpointError(
                f"Expected the run of {self.checkpoint} to go on as it began; {what} differ. "
                "Start in another folder, with init= this checkpoint."
            )
        self.network.load_state_dict(saved["state_dict"])
        self.start = saved["start"]
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.teacher is not None:
            self.teacher.load_state_dict(saved["teacher"])
        self.epoch, self.minutes, self.loss = meta["epoch"], meta["minutes"], meta["loss"]
        rows = read_regular(self.log).decode().splitlines(keepends=True)[: self.epoch]
        self.log.write_text("".join(rows), "utf-8")


def describe(network: DescriptorNetwork, images: Sequence[Image], side: int) -> NDArray[np.float32]:
    """Return the descriptors of the photos' middle squares, shape (N, C)."""
    made = []
    with torch.no_grad():
        for start in range(0, len(images), _AT_ONCE):
            some = [middle_crop(image, side) for image in images[start : start + _AT_ONCE]]
            made.append(network(torch.from_numpy(np.stack(some))).numpy())
    return np.concatenate(made)


def _places(tuples: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return each photo's number and position in its tuple, tuple after tuple."""
    return [(number, place) for row in tuples.tolist() for place, number in enumerate(row)]


def mixed(start: Mapping[str, Any], trained: Mapping[str, Any], keep: float) -> dict[str, Any]:
    """Return the weighted mean of initial and trained weights; integers as trained."""
    return {
        name: torch.lerp(value, start[name], keep) if value.is_floating_point() else value
        for name, value in trained.items()
    }


def start_from(network: DescriptorNetwork, path: Path) -> None:
    """Load the weights written by an earlier run.

    Raises
    ------
    CheckpointError
        If the file cannot be read safely, or belongs to another network.
    """
    saved = load_checkpoint(path)
    try:
        network.load_state_dict(saved["state_dict"])
        if "start" in saved:
            keep = saved["meta"]["recipe"]["keep"]
            network.load_state_dict(mixed(saved["start"], saved["state_dict"], keep))
    except RuntimeError as error:
        raise CheckpointError(
            f"Expected a checkpoint of the same backbone, got another in {path}: "
            f"{str(error).splitlines()[0]}"
        ) from error
