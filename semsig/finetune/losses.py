"""Losses of tuples: a query, a photo that matches it, and others that do not."""

from __future__ import annotations

from typing import Any

from semsig.finetune.options import Loss


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
