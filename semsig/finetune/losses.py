"""Losses of tuples (a query, its match and non-matching photos) and of groups (matching photos)."""

from __future__ import annotations

from typing import Any

import torch

from semsig.finetune.options import Loss

TEMPERATURE = 0.1
"""Temperature of :func:`group_loss`, as in Khosla et al."""


def tuple_loss(descriptors: Any, loss: Loss, margin: float) -> Any:
    """Return the mean loss of tuples.

    Contrastive: ``d(q, p)^2 / 2 + sum_n max(0, margin - d(q, n))^2 / 2`` (Hadsell, Chopra and
    LeCun, CVPR 2006; Radenovic et al. 2019, eq. 4). Triplet: ``sum_n max(0, d(q, p)^2 -
    d(q, n)^2 + margin)`` (Schroff, Kalenichenko and Philbin, FaceNet, CVPR 2015).

    Parameters
    ----------
    descriptors : Tensor of float32, shape (T, 2 + n, C)
        T tuples, each a query, its match, and n others; unit length.
    loss : {"contrastive", "triplet"}
        Which loss.
    margin : float
        See :class:`semsig.finetune.FinetuneOptions`.
    """
    squared = (descriptors[:, :1] - descriptors[:, 1:]).square().sum(2)
    match, others = squared[:, :1], squared[:, 1:]
    if loss == "triplet":
        return (match - others + margin).clamp(min=0).sum(1).mean()
    # sqrt has no derivative at 0; sqrt(x + 1e-12) <= sqrt(x) + 1e-6, so no distance changes by more
    distances = (others + 1e-12).sqrt()
    apart = (margin - distances).clamp(min=0).square().sum(1)
    return (match.sum(1) + apart).mean() / 2


def group_loss(descriptors: Any, matching: Any, apart: Any) -> Any:
    """Return the mean loss of photos of which some match each other and the others do not.

    Supervised contrastive: ``-mean over matches p of log(exp(s(q, p) / t) / sum over x of
    exp(s(q, x) / t))``, where x runs over all matches and all others, s is the inner product, and t
    is :data:`TEMPERATURE` (Khosla et al., Supervised contrastive learning, NeurIPS 2020, eq. 2).
    Every photo is a query q once.

    Parameters
    ----------
    descriptors : Tensor of float32, shape (N, C)
        Of unit length.
    matching, apart : Tensor of bool, shape (N, N)
        Which pairs match, at least one per photo, and which do not; a pair may be in neither. A
        photo with itself is in neither.
    """
    matching = matching & ~torch.eye(len(matching), dtype=torch.bool)
    counted = (descriptors @ descriptors.T / TEMPERATURE).masked_fill(~(matching | apart), -1e9)
    shares = counted - counted.logsumexp(1, keepdim=True)
    return -((shares * matching).sum(1) / matching.sum(1)).mean()
