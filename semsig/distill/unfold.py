"""Going on from an exported network: its convolutions get their batch norms back.

An exported file has every batch norm folded into the convolution before it
(:mod:`semsig.segment.fold`), and so answers as the network did but cannot learn as it did. Here
each convolution gets rows of the length that fresh weights have, and a batch norm that makes up
for it; :func:`settle` then gives the batch norms the statistics of real crops.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from semsig.errors import CheckpointError
from semsig.segment.card import NetworkCard
from semsig.segment.fold import convolutions_before_norms

_SHORTEST = 1e-6
"""Rows of convolutions no longer than this are left as they are."""


def load_exported(path: Path, network: Any) -> dict[str, Any]:
    """Read an ONNX file of :func:`semsig.segment.export.export_network` as a checkpoint.

    Parameters
    ----------
    path : Path
        The file, its card beside it.
    network : torch.nn.Module
        A network of the same architecture with fresh weights; not changed.

    Returns
    -------
    dict
        ``state_dict``, with which the network answers as the file does, and ``meta``.

    Raises
    ------
    CheckpointError
        If file or card cannot be read, or the file is of another network.
    """
    card = NetworkCard.read(path)
    folded, fresh = _read_weights(path), copy.deepcopy(network).cpu().eval()
    state = dict(fresh.state_dict())
    state |= {name: folded[name] for name in state if name in folded}
    for norm, conv in convolutions_before_norms(fresh).items():
        if f"{conv}.weight" not in folded or f"{conv}.bias" not in folded:
            raise CheckpointError(
                f"{path} is of another network: it has no convolution {conv!r}. What `semsig "
                "distill` exported with the same --arch will do."
            )
        lengths = fresh.get_submodule(conv).weight.flatten(1).norm(dim=1)
        state |= _unfolded(conv, norm, folded, lengths.mean(), fresh.get_submodule(norm).eps)
    views = card.provenance.get("photos_seen", "")
    meta = {"classes": list(card.classes.names), "images": int(views) if views.isdigit() else 0}
    return {"state_dict": state, "meta": meta}


def settle(network: Any, crops: Iterable[Any]) -> None:
    """Give batch norms the mean and variance of what reaches them, and answer as before.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place: ``gamma' = gamma * sqrt((var' + eps) / (var + eps))`` and ``beta' = beta
        + gamma * (mean' - mean) / sqrt(var + eps)`` keep each norm's answer.
    crops : iterable of Tensor of float32, shape (B, 3, S, S)
        Normalised photos to take statistics from, at least one.
    """
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    sums: dict[Any, list[Any]] = {norm: [] for norm in norms}
    hooks = [norm.register_forward_pre_hook(_remember(sums[norm])) for norm in norms]
    with torch.no_grad():
        network.eval()
        for images in crops:
            network.decode_head(network.backbone(images))
    for hook in hooks:
        hook.remove()
    for norm, seen in sums.items():
        mean, square = torch.stack(seen).mean(0)
        _standardize(norm, mean, square - mean * mean)


def _read_weights(path: Path) -> dict[str, Any]:
    """Return an ONNX file's tensors by the names of the modules they came from, in float32."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        tensors = onnx.load(path).graph.initializer
        arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in tensors}
    except (OSError, DecodeError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is no ONNX file that can be read: {error}") from error
    return {
        name.removesuffix(":fp16"): torch.from_numpy(np.array(values, np.float32))
        for name, values in arrays.items()
    }


def _unfolded(
    conv: str, norm: str, folded: Mapping[str, Any], length: Any, eps: float
) -> dict[str, Any]:
    weight, bias = folded[f"{conv}.weight"], folded[f"{conv}.bias"]
    lengths = weight.flatten(1).norm(dim=1)
    longer = torch.where(lengths > _SHORTEST, length.detach() / lengths, 1.0)
    return {
        f"{conv}.weight": weight * longer.view(-1, 1, 1, 1),
        f"{norm}.weight": (1 + eps) ** 0.5 / longer,
        f"{norm}.bias": bias,
        f"{norm}.running_mean": torch.zeros_like(bias),
        f"{norm}.running_var": torch.ones_like(bias),
    }


def _remember(seen: list[Any]) -> Any:
    """Return a hook that keeps mean and mean square of each channel of what comes in."""

    def keep(_module: Any, inputs: Any) -> None:
        values = inputs[0].double()
        seen.append(torch.stack([values.mean((0, 2, 3)), values.square().mean((0, 2, 3))]))

    return keep


def _standardize(norm: Any, mean: Any, variance: Any) -> None:
    before = (norm.running_var + norm.eps).double().sqrt()
    with torch.no_grad():
        norm.bias += norm.weight * (mean - norm.running_mean) / before
        norm.weight *= (variance + norm.eps).sqrt() / before
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
