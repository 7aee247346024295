"""Losses: of tuples, a query, its match and others; of groups, photos that match."""

from __future__ import annotations

from typing import Any

import torch

from semsig.finetune.options import Loss

TEMPERATURE = 0.1
"""Of Khosla et al."""


def tuple_loss(descriptors: Any, loss: Loss, margin: float) -> Any:
    """Return the mean loss of some tuples.

    Contrastive: ``d(q, p)^2 / 2 + sum_n max(0, margin - d(q, n))^2 / 2`` (Hadsell, Chopra and
    LeCun, CVPR 2006; Radenovic et al. 2019, eq. 4). Triplet: ``sum_n max(0, d(q, p)^2 -
    d(q, n)^2 + margin)`` (Schroff, Kalenichenko and Philbin, FaceNet, CVPR 2015).

    Parameters
    ----------
    descriptors : Tensor of float32, shape (T, 2 + n, C)
        Of T tuples: the query, its match, and n others; unit length.
    loss : {"contrastive", "triplet"}
        Which.
    margin : float
        See :class:`semsig.finetune.FinetuneOptions`.
    """
    squared = (descriptors[:, :1] - descriptors[:, 1:]).square().sum(2)
    match, others = squared[:, :1], squared[:, 1:]
    if loss == "triplet":
        return (match - others + margin).clamp(min=0).sum(1).mean()
    # the root has no derivative at 0; adding 1e-12 changes no distance by more than 1e-6
    distances = (others + 1e-12).sqrt()
    apart = (margin - distances).clamp(min=0).square().sum(1)
    return (match.sum(1) + apart).mean() / 2


def group_loss(descriptors: Any, matching: Any, apart: Any) -> Any:
    """Return the mean loss of photos that match some of each other, and not others.

    Supervised contrastive: ``-mean over matches p of log(exp(s(q, p) / t) / sum over x of
    exp(s(q, x) / t))``, x all matches and all others, s the inner product, t :data:`TEMPERATURE`
    (Khosla et al., Supervised contrastive learning, NeurIPS 2020, eq. 2). Every photo asks.

    Parameters
    ----------
    descriptors : Tensor of float32, shape (N, C)
        Of unit length.
    matching, apart : Tensor of bool, shape (N, N)
        Which photos match, at least one each, and which do not; some may be in neither. A photo
        itself counts in none.
    """
    matching = matching & ~torch.eye(len(matching), dtype=torch.bool)
    counted = (descriptors @ descriptors.T / TEMPERATURE).masked_fill(~(matching | apart), -1e9)
    shares = counted - counted.logsumexp(1, keepdim=True)
    return -((shares * matching).sum(1) / matching.sum(1)).mean()
