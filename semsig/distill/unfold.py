"""Continue training an exported network: its convolutions get batch norms again.

An exported file has every batch norm folded into the convolution before it
(:mod:`semsig.segment.fold`): its output is that of the network, but it does not train as well. Here
each convolution gets a batch norm again, and its rows are scaled to the length of freshly
initialised ones, so that a step of the optimiser rotates both by the same angle. :func:`settle`
then gives the batch norms the statistics of real crops.
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
from semsig.segment.export import HALVED
from semsig.segment.fold import convolutions_before_norms, fold_batch_norms

_SHORTEST = 1e-6
"""Rows of convolutions no longer than this are not rescaled: they are 0, or rounding noise."""

_NOT_LEARNED = {"mean", "scale"}
"""Names of the file's tensors that normalise photos."""


def load_exported(path: Path, network: Any) -> dict[str, Any]:
    """Read an ONNX file exported by `semsig distill` as if it were a checkpoint.

    Parameters
    ----------
    path : Path
        The file; its card is beside it.
    network : torch.nn.Module
        A network of the same architecture with fresh weights; not changed. Its number of classes
        may differ.

    Returns
    -------
    dict
        ``state_dict``, with which the network's output is that of the file, and ``meta``.

    Raises
    ------
    CheckpointError
        If file or card cannot be read, do not belong together, or belong to another network.
    """
    card = NetworkCard.read(path)
    card.require_hash(path)
    folded, fresh = _read_weights(path), copy.deepcopy(network).cpu().eval()
    _require_same(folded, fold_batch_norms(fresh).state_dict(), path)
    state = fresh.state_dict()
    state |= {name: folded[name] for name in state if name in folded}
    for norm, conv in convolutions_before_norms(fresh).items():
        lengths = fresh.get_submodule(conv).weight.detach().flatten(1).norm(dim=1)
        state |= _unfolded(conv, norm, folded, lengths.mean(), fresh.get_submodule(norm).eps)
    views = str(card.provenance.get("photos_seen", ""))
    seen = int(views) if views.isdecimal() and len(views) < 16 else 0
    return {"state_dict": state, "meta": {"classes": list(card.classes.names), "images": seen}}


def settle(network: Any, crops: Iterable[Any]) -> None:
    """Give batch norms the mean and variance of their inputs, without changing the output.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place, and left in evaluation mode. The output of each norm stays the same, since
        ``gamma' = gamma * sqrt((var' + eps) / (var + eps))`` and ``beta' = beta + gamma *
        (mean' - mean) / sqrt(var + eps)``.
    crops : iterable of Tensor of float32, shape (B, 3, S, S)
        Normalised photos from which statistics are computed: at least one batch, all of one size.
    """
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    moments: dict[Any, list[Any]] = {norm: [] for norm in norms}
    hooks = [norm.register_forward_pre_hook(_remember(moments[norm])) for norm in norms]
    with torch.no_grad():
        network.eval()
        for images in crops:
            network.decode_head(network.backbone(images))
    for hook in hooks:
        hook.remove()
    for norm, seen in moments.items():
        mean, square = torch.stack(seen).mean(0)
        _standardize(norm, mean, (square - mean * mean).clamp(min=0))


def _read_weights(path: Path) -> dict[str, Any]:
    """Return an ONNX file's tensors by the names of the modules they came from, in float32."""
    import onnx

    try:
        tensors = onnx.load(path).graph.initializer
        return {
            tensor.name.removesuffix(HALVED): torch.tensor(
                onnx.numpy_helper.to_array(tensor).astype(np.float32)
            )
            for tensor in tensors
        }
    except Exception as error:  # onnx and protobuf raise almost any exception type on damaged files
        raise CheckpointError(
            f"{path} is no ONNX file that can be read ({type(error).__name__}); export it again."
        ) from error


def _require_same(folded: Mapping[str, Any], expected: Mapping[str, Any], path: Path) -> None:
    """Refuse a file whose tensors, except for the number of classes, are not the network's."""
    got = {n: _inner(n, tensor) for n, tensor in folded.items() if n not in _NOT_LEARNED}
    wanted = {n: _inner(n, tensor) for n, tensor in expected.items()}
    if got != wanted:
        wrong = sorted(n for n in got | wanted if got.get(n) != wanted.get(n))
        raise CheckpointError(
            f"{path} is of another network: {len(wrong)} tensors are missing, left over or of "
            f"another shape, the first {wrong[0]!r}. Give a file that semsig distill exported with "
            "the same --arch."
        )


def _inner(name: str, tensor: Any) -> tuple[int, ...]:
    """Return a tensor's shape; for the classifier, that of one class's part."""
    return tuple(tensor.shape[1:] if ".conv_seg." in name else tensor.shape)


def _unfolded(
    conv: str, norm: str, folded: Mapping[str, Any], length: Any, eps: float
) -> dict[str, Any]:
    weight, bias = folded[f"{conv}.weight"], folded[f"{conv}.bias"]
    lengths = weight.flatten(1).norm(dim=1)
    longer = torch.where(lengths > _SHORTEST, length / lengths, 1.0)
    return {
        f"{conv}.weight": weight * longer.view(-1, 1, 1, 1),
        f"{norm}.weight": (1 + eps) ** 0.5 / longer,
        f"{norm}.bias": bias,
        f"{norm}.running_mean": torch.zeros_like(bias),
        f"{norm}.running_var": torch.ones_like(bias),
    }


def _remember(seen: list[Any]) -> Any:
    """Return a hook that keeps the mean and the mean square of each channel of the input."""

    def keep(_module: Any, inputs: Any) -> None:
        values = inputs[0].double()
        seen.append(torch.stack([values.mean((0, 2, 3)), values.square().mean((0, 2, 3))]))

    return keep


def _standardize(norm: Any, mean: Any, variance: Any) -> None:
    before = (norm.running_var.double() + norm.eps).sqrt()
    with torch.no_grad():
        norm.bias += norm.weight * (mean - norm.running_mean) / before
        norm.weight *= (variance + norm.eps).sqrt() / before
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
