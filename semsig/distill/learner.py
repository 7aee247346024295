"""A network with its optimiser and running average: learn batches, score photos, save state."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from semsig.classes import ClassTable
from semsig.distill.batches import Batch
from semsig.distill.mentor import Mentor
from semsig.distill.network import (
    averaged,
    features_and_logits,
    new_network,
    optimizers,
    pick_device,
    start_from,
)
from semsig.distill.options import DistillOptions
from semsig.distill.unfold import settle
from semsig.segment.export import MEAN, STD

CLIP = 5.0
"""Gradients with a larger norm are scaled down to it."""


class Learner:
    """A network that learns batch by batch.

    Parameters
    ----------
    options : DistillOptions
        Network, initial weights, optimiser, precision (``auto`` is float32), device.
    classes : ClassTable
        The head has one channel per class.

    Attributes
    ----------
    average : torch.nn.Module
        The network with the running average of its weights, which is measured and exported.
    views_before : int
        Photo-views of the initial weights; of several, the largest number.

    Raises
    ------
    CheckpointError
        If ``options.init`` or ``options.mentor`` does not fit.
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
        self._mentor = self._start_mentor(options.mentor) if options.mentor else None
        self._optimizers = optimizers(self._network, options, self._mentor)
        answer = features_and_logits
        self._answer = torch.compile(answer, dynamic=False) if options.compile else answer
        self._mixed = options.precision == "bfloat16"

    @property
    def average(self) -> Any:
        """The averaged network."""
        return self._average.module

    def settle(self, batches: Iterable[Batch]) -> None:
        """Take the batch norms' statistics from crops, if the weights are of an exported network.

        The output of the network, and so of its average, stays the same.
        """
        settle(self._network, (self._normalized(batch.images) for batch in batches))
        self._average = averaged(self._network, self.options.ema_decay)

    def learn(self, batch: Batch, rate: float) -> float:
        """Take one optimiser step at learning rate `rate`, and return the batch's loss.

        The loss is the cross-entropy at 1/4 scale with smoothed labels, averaged over the pixels
        that are not void. With a mentor, the cross-entropy with its probabilities, over all pixels,
        is mixed in, and the error of predicting its feature maps is added.
        """
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        images = self._normalized(batch.images)
        features, scores = self._answered(images)
        loss = self._loss(scores, batch.labels)
        if self._mentor is not None:
            soft, hints = self._mentor(scores, features, batch.images)
            loss = torch.lerp(loss, soft, self.options.soft_share)
            loss = loss + self.options.hint_weight * hints
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
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
            _, scores = features_and_logits(self.average, self._normalized(images))
        return np.asarray(scores.cpu().numpy(), np.float32)

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on, as tensors and plain values."""
        return {
            "state_dict": self._network.state_dict(),
            "average": self._average.state_dict(),
            "hints": self._mentor.state_dict() if self._mentor is not None else {},
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "rng": torch.get_rng_state(),
            "views_before": self.views_before,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state returned by :meth:`state`."""
        self._network.load_state_dict(state["state_dict"])
        self._average.load_state_dict(state["average"])
        if self._mentor is not None:
            self._mentor.load_state_dict(state["hints"])
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        torch.set_rng_state(state["rng"])
        self.views_before = state["views_before"]

    def _start_mentor(self, path: Path) -> Mentor:
        channels = self._network.decode_head.conv_seg.in_channels
        mentor = Mentor(path, self.classes, channels, torch.get_num_threads())
        mentor.to(self._device)
        return mentor

    def _answered(self, images: Any) -> tuple[Any, Any]:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._mixed):
            features, scores = self._answer(self._network.train(), images)
        return features, scores.float()

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
