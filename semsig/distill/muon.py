"""Muon for convolutions: momentum whose steps are made orthogonal.

K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. Steps are scaled
as in J. Liu et al., "Muon is scalable for LLM training", 2025, so that AdamW's learning rates and
weight decay can be used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Jordan's quintic polynomial, which moves singular values from (0, 1] near 1 in five rounds."""

ROUNDS = 5

RMS = 0.2
"""Root mean square of a step's values at learning rate 1, about that of AdamW."""


def orthogonalized(matrices: Any) -> Any:
    """Move all singular values near 1, keeping the singular vectors.

    Parameters
    ----------
    matrices : torch.Tensor of float32, shape (B, R, C)

    Returns
    -------
    torch.Tensor of float32, shape (B, R, C)
        Singular values of about 0.7 to 1.2; zero matrices stay zero.
    """
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):  # type: ignore[misc]
    """Muon with Nesterov momentum and decoupled weight decay.

    torch.optim.Muon accepts only matrices, and updates one at a time; here a convolution
    (O, I, H, W) is a matrix of O rows, and weights of the same shape are updated as one batch.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter
        Weights of two or more dimensions.
    lr, weight_decay : float
        As in AdamW.
    momentum : float
        Decay of the running mean of gradients, 0 to below 1.
    """

    def __init__(
        self, params: Iterable[Any], lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        settings = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, settings)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: None = None) -> None:  # noqa: ARG002
        """Take one step; weights without a gradient stay."""
        for group in self.param_groups:
            alike: dict[Any, list[Any]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    alike.setdefault(weight.shape, []).append(weight)
            for weights in alike.values():
                self._step_together(weights, group)

    def _step_together(self, weights: list[Any], group: dict[str, Any]) -> None:
        directions = [self._direction(weight, group["momentum"]).flatten(1) for weight in weights]
        steps = orthogonalized(torch.stack(directions))
        length = group["lr"] * RMS * max(steps.shape[1:]) ** 0.5
        for weight, step in zip(weights, steps, strict=True):
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(step.view(weight.shape), alpha=-length)

    def _direction(self, weight: Any, decay: float) -> Any:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        mean = state["momentum"].lerp_(weight.grad, 1 - decay)
        return weight.grad.lerp(mean, decay)
