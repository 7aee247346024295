"""A network with its optimiser and running average: learns batches, scores photos, keeps state."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from semsig.classes import ClassTable
from semsig.distill.batches import Batch
from semsig.distill.network import (
    averaged,
    logits,
    new_network,
    optimizers,
    pick_device,
    start_from,
)
from semsig.distill.options import DistillOptions
from semsig.errors import CheckpointError
from semsig.segment.export import MEAN, STD

CLIP = 5.0
"""Largest norm of a step's gradient."""


class Learner:
    """A network that learns batch by batch.

    Parameters
    ----------
    options : DistillOptions
        Network, weights to start from, optimiser, precision, device.
    classes : ClassTable
        One channel of the head a class.

    Attributes
    ----------
    average : torch.nn.Module
        The network with its running average as weights; what is measured and exported.
    views_before : int
        Photo-views behind the weights it started from, the most of any of them.

    Raises
    ------
    CheckpointError
        If ``options.init`` or ``options.soft`` does not fit.
    """

    def __init__(self, options: DistillOptions, classes: ClassTable) -> None:
        self.options = options
        self.classes = classes
        self.views_before = 0
        self._device = pick_device(options.device)
        torch.manual_seed(options.seed)
        self._network = new_network(options.arch, len(classes)).to(self._device)
        if options.init and not options.resume:
            self.views_before = start_from(self._network, options.init, classes)
        self._average = averaged(self._network, options.ema_decay)
        self._mentor = self._start_mentor() if options.soft else None
        self._optimizers = optimizers(self._network, options)
        self._answer = torch.compile(logits, dynamic=False) if options.compile else logits
        wanted = options.precision
        self._mixed = wanted == "bfloat16" or (wanted == "auto" and self._device.type == "cuda")

    @property
    def average(self) -> Any:
        """The averaged network."""
        return self._average.module

    def learn(self, batch: Batch, rate: float) -> float:
        """Take one optimiser step at learning rate `rate` and return the batch's loss.

        The loss is cross-entropy at 1/4 scale with smoothed labels, averaged over the pixels
        that are not void; with soft targets, that towards those of all pixels is mixed in.
        """
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        images = self._normalized(batch.images)
        scores = self._scored(self._network.train(), images)
        loss = self._loss(scores, batch.labels)
        if self._mentor is not None:
            loss = torch.lerp(loss, self._soft_loss(scores, images), self.options.soft_share)
        self._network.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), CLIP)
        for optimizer in self._optimizers:
            optimizer.step()
        self._average.update_parameters(self._network)
        return float(loss.detach())

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score photos of one size with the averaged network.

        Parameters
        ----------
        images : ndarray of uint8, shape (B, H, W, 3)
            RGB, H and W multiples of 32.

        Returns
        -------
        ndarray of float32, shape (B, M, H / 4, W / 4)
        """
        with torch.inference_mode():
            scores = logits(self.average, self._normalized(images))
        return np.asarray(scores.cpu().numpy(), np.float32)

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on, as tensors and plain values."""
        return {
            "state_dict": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "rng": torch.get_rng_state(),
            "views_before": self.views_before,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._network.load_state_dict(state["state_dict"])
        self._average.load_state_dict(state["average"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        torch.set_rng_state(state["rng"])
        self.views_before = state["views_before"]

    def _start_mentor(self) -> Any:
        mentor = new_network(self.options.arch, len(self.classes)).to(self._device)
        bias = mentor.decode_head.conv_seg.bias
        torch.nn.init.constant_(bias, torch.nan)  # stays where no weights know the class
        start_from(mentor, self.options.soft, self.classes)
        unknown = [self.classes.names[row] for row in bias.isnan().nonzero().flatten().tolist()]
        if unknown:
            raise CheckpointError(
                f"The weights of soft targets know {len(self.classes) - len(unknown)} of the "
                f"{len(self.classes)} classes, not {', '.join(unknown[:5])}; give weights of a "
                "run on this table."
            )
        return mentor.eval().requires_grad_(False)

    def _scored(self, network: Any, images: Any) -> Any:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._mixed):
            scores = self._answer(network, images)
        return scores.float()

    def _soft_loss(self, scores: Any, images: Any) -> Any:
        with torch.no_grad():
            targets = self._scored(self._mentor, images).softmax(1)
        pixels = targets[:, 0].numel()
        return functional.cross_entropy(scores, targets, reduction="sum") / pixels

    def _loss(self, scores: Any, labels: NDArray[np.int64]) -> Any:
        known = max(int((labels != self.classes.void).sum()), 1)
        total = functional.cross_entropy(
            scores,
            torch.from_numpy(labels).to(self._device),
            ignore_index=self.classes.void,
            label_smoothing=self.options.label_smoothing,
            reduction="sum",
        )
        return total / known

    def _normalized(self, images: NDArray[np.uint8]) -> Any:
        pixels = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2).float()
        mean = torch.tensor(MEAN, device=self._device).view(3, 1, 1)
        std = torch.tensor(STD, device=self._device).view(3, 1, 1)
        return (pixels - mean) / std
