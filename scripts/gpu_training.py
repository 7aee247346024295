"""The training loop of scripts.train_gpu: timed steps, averaged weights, figures, files."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from scripts.gpu_views import VOID, Pack

CLIP = 5.0
HONEST = 10
"""Steps between readings of the clock, each of which waits for the device."""

PRIME = 1_000_003
SIDE = 192


class Task(Protocol):
    """A network with its initial weights and its loss."""

    name: str
    network: nn.Module
    learned: nn.Module

    def loss(self, images: Any, labels: Any, average: nn.Module, share: float) -> Any:
        """Return the loss of a batch after a share of the run."""
        ...

    def scores(self, network: nn.Module, images: Any) -> Any:
        """Score pixels of photos (N, 3, S, S) of 0..255 at a quarter of S."""
        ...

    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Make optimisers; ``base`` of their groups is the highest learning rate."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a network is trained; `steps` ends a run early, for trials."""

    seconds: float
    batch: int = 128
    side: int = SIDE
    zoom: float = 2.0
    paste: float = 0.4
    warmup: int = 100
    decay: float = 0.998
    rate: float = 1.0
    report: float = 30.0
    steps: int | None = None
    seed: int = 0


class Log:
    """A log of JSON lines, which are also printed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._started = time.monotonic()

    def __call__(self, **entries: object) -> None:
        """Write one line, with the seconds since the start."""
        line = json.dumps({"at": round(time.monotonic() - self._started, 1)} | entries)
        with self._path.open("a") as file:
            file.write(f"{line}\n")
        print(line, flush=True)  # noqa: T201


class Average:
    """Exponential moving average of weights and statistics, faster in early updates."""

    def __init__(self, network: nn.Module, copied: nn.Module, decay: float) -> None:
        self.module = copied.requires_grad_(False).eval()
        self._decay, self._count = decay, 0
        pairs = [
            (mine, theirs)
            for mine, theirs in zip(_tensors(copied), _tensors(network), strict=True)
            if mine.is_floating_point()
        ]
        self._mine, self._theirs = ([pair[i] for pair in pairs] for i in (0, 1))

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the network."""
        decay = min(self._decay, (1 + self._count) / (10 + self._count))
        torch._foreach_lerp_(self._mine, self._theirs, 1 - decay)
        self._count += 1

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes."""
        return {"count": self._count, "state_dict": self.module.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._count = state["count"]
        self.module.load_state_dict(state["state_dict"])


class Run:
    """The training of one network, resumed from `state` if that has its state.

    Parameters
    ----------
    task : Task
    average : Average
    pack : Pack
    plan : Plan
    out : Path
        Folder for NAME.pth: the average in fp16.
    state : Path
        Folder for NAME.state: everything that is needed to resume.
    log : Log
    """

    def __init__(
        self, task: Task, average: Average, pack: Pack, plan: Plan, out: Path, state: Path, log: Log
    ) -> None:
        self.task, self.average, self.pack, self.plan, self.log = task, average, pack, plan, log
        self._optimizers = list(task.optimizers())
        self._weights = out / f"{task.name}.pth"
        self._state = state / f"{task.name}.state"
        self._random = torch.Generator(pack.device)
        self.step, self.spent = 0, 0.0
        if self._state.exists():
            self._restore()

    def train(self) -> None:
        """Take steps until the time is used up; measure and save at intervals."""
        before, started, reported = self.spent, time.monotonic(), self.spent
        while self._share() < 1:
            loss = self._learn()
            self.step += 1
            if self.step % HONEST == 0 or self.plan.steps:
                value = loss.item()
                if not math.isfinite(value):
                    raise ArithmeticError(f"{self.task.name}: loss {value} at step {self.step}")
                self.spent = before + time.monotonic() - started
                if self.spent - reported > self.plan.report:
                    reported = self.spent
                    self._report(value)
        self._report(loss.item() if self.step and self.spent > before else math.nan)

    def _share(self) -> float:
        if self.plan.steps:
            return self.step / self.plan.steps
        return self.spent / self.plan.seconds

    def _learn(self) -> Any:
        plan, share = self.plan, self._share()
        rate = min(1.0, (self.step + 1) / plan.warmup) * (0.5 + 0.5 * math.cos(math.pi * share))
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * plan.rate * rate
        self._random.manual_seed(plan.seed * PRIME + self.step)
        images, labels = self.pack.draw(plan.batch, plan.side, plan.zoom, plan.paste, self._random)
        with torch.autocast(self.pack.device.type, torch.bfloat16):
            loss = self.task.loss(images, labels, self.average.module, share)
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.task.learned.parameters(), CLIP)
        for optimizer in self._optimizers:
            optimizer.step()
        self.average.update()
        return loss.detach()

    def _report(self, loss: float) -> None:
        pixels, miou = self._measured()
        views = self.step * self.plan.batch
        self.log(
            network=self.task.name,
            views=views,
            seconds=round(self.spent, 1),
            views_a_second=round(views / max(self.spent, 1e-9)),
            loss=round(loss, 4),
            agreement=round(pixels, 4),
            miou=round(miou, 4),
        )
        meta = {"name": self.task.name, "classes": self.pack.classes, "images": views}
        meta |= {"agreement": pixels, "miou": miou}
        weights = halved(self.average.module.state_dict())
        _write({"state_dict": weights, "meta": meta}, self._weights)
        content = {
            "step": self.step,
            "spent": self.spent,
            "learned": self.task.learned.state_dict(),
            "average": self.average.state(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }
        _write(content, self._state)

    @torch.no_grad()
    def _measured(self) -> tuple[float, float]:
        """Agreement and mean IoU of the average on held-out squares."""
        count = len(self.pack.classes)
        images, labels = self.pack.squares(self.plan.side)
        total = torch.zeros(count * count, dtype=torch.int64, device=labels.device)
        size = min(self.plan.batch, 64)
        for some, true in zip(images.split(size), labels.split(size), strict=True):
            with torch.autocast(self.pack.device.type, torch.bfloat16):
                found = self.task.scores(self.average.module, some).argmax(1)
            known = true != VOID
            total += torch.bincount(true[known] * count + found[known], minlength=len(total))
        confusion = total.view(count, count).double()
        hit, true = confusion.diag(), confusion.sum(1)
        iou = hit / (true + confusion.sum(0) - hit).clamp(min=1)
        return float(hit.sum() / confusion.sum().clamp(min=1)), float(iou[true > 0].mean())

    def _restore(self) -> None:
        saved = torch.load(self._state, map_location=self.pack.device, weights_only=True)
        self.task.learned.load_state_dict(saved["learned"])
        self.average.restore(saved["average"])
        for optimizer, state in zip(self._optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step, self.spent = saved["step"], saved["spent"]


def halved(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return weights on the CPU, in fp16 except for vectors and counts."""
    return {
        key: value.detach().cpu().half()
        if value.is_floating_point() and value.ndim > 1
        else value.detach().cpu()
        for key, value in state.items()
    }


def _tensors(network: nn.Module) -> list[Any]:
    return [*network.parameters(), *network.buffers()]


def _write(content: dict[str, Any], path: Path) -> None:
    """Replace a file atomically, so that an interruption leaves the old one."""
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    partial.replace(path)
