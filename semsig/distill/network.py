"""mmsegmentation's HRNet with a fully convolutional head, and its running average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from semsig.classes import ClassTable
from semsig.distill.muon import Muon
from semsig.distill.options import Architecture, DistillOptions, exported_file
from semsig.distill.unfold import load_exported
from semsig.errors import CheckpointError
from semsig.segment.checkpoint import load_checkpoint
from semsig.segment.network import build_network, read_config
from semsig.segment.zoo import find_config

_CONFIG = "fcn_{}_4xb4-80k_ade20k-512x512"
_HEAD = ("decode_head.conv_seg.weight", "decode_head.conv_seg.bias")


def new_network(arch: Architecture, classes: int) -> Any:
    """Build mmsegmentation's ``fcn_{arch}`` in channels_last, weights drawn from torch's seed.

    Parameters
    ----------
    arch : {"hr18s", "hr18", "hr48"}
        Width and depth, as mmsegmentation's configs of that name have them.
    classes : int
        Channels of the head.
    """
    network: Any = build_network(read_config(find_config(_CONFIG.format(arch))), n_classes=classes)
    network.init_weights()
    return network.to(memory_format=torch.channels_last)


def features_and_logits(network: Any, images: Any) -> tuple[Any, Any]:
    """Run a network on normalised photos (B, 3, S, S); its output is at 1/4 scale.

    Returns
    -------
    features : Tensor of float32, shape (B, C, S / 4, S / 4)
        Input of the classifier.
    logits : Tensor of float32, shape (B, M, S / 4, S / 4)
        Class scores.
    """
    head = network.decode_head
    features = head._forward_feature(network.backbone(images))
    return features, head.cls_seg(features)


def averaged(network: Any, decay: float) -> Any:
    """Return an exponential moving average of weights and statistics, faster in early updates.

    Update n weights the past by min(`decay`, (1 + n) / (10 + n)), so that random initial weights
    are soon forgotten.
    """

    def update(average: Any, current: Any, updates: Any) -> None:
        n = int(updates)
        get_ema_multi_avg_fn(min(decay, (1 + n) / (10 + n)))(average, current, updates)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True).eval()


def optimizers(network: Any, options: DistillOptions, mentor: Any = None) -> tuple[Any, ...]:
    """Return the optimisers, each for its part of the weights.

    AdamW updates all weights, or those that Muon does not: the first and the last layer, biases
    and normalisation; and always those that predict a mentor's hints. Biases and normalisation
    have no weight decay.
    """
    hidden = _hidden(network) if options.optimizer == "muon" else []
    taken = {id(weight) for weight in hidden}
    rest = [weight for weight in network.parameters() if id(weight) not in taken]
    rest += mentor.parameters() if mentor is not None else ()
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(groups, lr=options.learning_rate, fused=True)
    if not hidden:
        return (adamw,)
    return Muon(hidden, lr=options.learning_rate, weight_decay=options.weight_decay), adamw


def _hidden(network: Any) -> list[Any]:
    outer = ("backbone.conv1.weight", _HEAD[0])
    return [p for name, p in network.named_parameters() if p.ndim == 4 and name not in outer]


def pick_device(name: str) -> Any:
    """Resolve ``auto`` to CUDA where it is available, else to the CPU."""
    cuda = torch.cuda.is_available()
    return torch.device(name if name != "auto" else "cuda" if cuda else "cpu")


def mixes_fast(device: Any) -> bool:
    """Tell whether bfloat16 is faster: on CUDA, and on processors with matrix units for it."""
    if device.type == "cpu":
        return bool(getattr(torch.cpu, "_is_amx_tile_supported", bool)())
    return bool(device.type == "cuda")


def start_from(network: Any, paths: Sequence[Path], classes: ClassTable) -> int:
    """Load the mean of several weights of one network, the head's rows matched by class name.

    Parameters
    ----------
    network : torch.nn.Module
        As returned by :func:`build_network`; changed in place.
    paths : sequence of Path
        Checkpoints with ``state_dict`` and ``meta``, or exported networks, at least one. Where
        ``meta`` names no classes, the head is used if it has the same number of channels. A class
        is averaged over the files that have it, and keeps its random weights if none has.
    classes : ClassTable
        The table to train with.

    Returns
    -------
    int
        The largest number of photo-views of any of the weights; 0 if no checkpoint states it.

    Raises
    ------
    CheckpointError
        If a file cannot be read safely, or belongs to another network.
    """
    own = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
    saved = [_read(path, network) for path in paths]
    fitted = [_fitted(own, one, path, classes) for one, path in zip(saved, paths, strict=True)]
    network.load_state_dict({n: _mean([one[n] for one in fitted], own[n]) for n in own})
    return max(int(one["meta"].get("images", 0)) for one in saved)


def _read(path: Path, network: Any) -> dict[str, Any]:
    exported = exported_file(path)
    return load_exported(exported, network) if exported else load_checkpoint(path)


def _fitted(
    own: Mapping[str, Any], saved: Mapping[str, Any], path: Path, classes: ClassTable
) -> dict[str, Any]:
    """Return a checkpoint's weights with its head fitted to the network's, NaN where unknown."""
    weights = dict(saved["state_dict"])
    _require_finite(weights, path)
    names = list(saved["meta"].get("classes", ()))
    rows = _head_rows(names, classes)
    for name in _HEAD:
        if name in weights and names and len(weights[name]) != len(names):
            raise CheckpointError(
                f"{path} names {len(names)} classes and scores {len(weights[name])}: its "
                "meta['classes'] is another network's."
            )
        if name in weights and rows is not None:
            weights[name] = _matched(own[name], weights[name], rows)
        elif name in weights and weights[name].shape != own[name].shape:
            weights[name] = torch.full_like(own[name], torch.nan)
    wrong = [n for n in own if n not in weights or weights[n].shape != own[n].shape]
    wrong += [n for n in weights if n.startswith("backbone.") and n not in own]
    if wrong:
        raise CheckpointError(
            f"{path} is no checkpoint of this network: {len(wrong)} tensors are missing, left over "
            f"or of another shape, the first {wrong[0]!r}."
        )
    return weights


def _require_finite(weights: Mapping[str, Any], path: Path) -> None:
    broken = [n for n, t in weights.items() if t.is_floating_point() and not t.isfinite().all()]
    if broken:
        raise CheckpointError(
            f"{path} holds numbers that are not finite, in {len(broken)} tensors, the first "
            f"{broken[0]!r}; start from an earlier checkpoint."
        )


def _mean(tensors: Sequence[Any], own: Any) -> Any:
    """Return the mean of the known weights, `own` where none is known; of counters the last."""
    if not own.is_floating_point():
        return tensors[-1]
    mean = torch.stack([tensor.double() for tensor in tensors]).nanmean(0)
    return torch.where(mean.isnan(), own.double(), mean).to(own.dtype)


def _head_rows(saved: list[str], classes: ClassTable) -> list[tuple[int, int]] | None:
    if not saved:
        return None
    return [(saved.index(n), row) for row, n in enumerate(classes.names) if n in saved]


def _matched(own: Any, saved: Any, rows: list[tuple[int, int]]) -> Any:
    merged = torch.full_like(own, torch.nan)
    if saved.shape[1:] == own.shape[1:]:
        for source, target in rows:
            merged[target] = saved[source]
    return merged
