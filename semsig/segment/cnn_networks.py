"""Backbones of torchvision and timm, and checkpoints of cirtorch, as descriptor networks.

Needs torch, and torchvision or timm, which are imported on use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from semsig.errors import CheckpointError, SegmenterError
from semsig.segment.checkpoint import load_checkpoint

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's RGB values in 0..1, as torchvision and cirtorch use."""

Whitening = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Mean m (C,) and projection P (D, C), applied as ``P (x - m)``."""


@dataclass(frozen=True, slots=True, eq=False)
class CnnNetwork:
    """A backbone and the pooling that its checkpoint specifies.

    Parameters
    ----------
    backbone : torch.nn.Module
        Maps photos float32 (N, 3, H, W), RGB 0..255, to non-negative features (N, C, h, w); in
        evaluation mode.
    power : float
        GeM's exponent.
    whitening : mapping of str to Whitening
        Learned whitening by the data it was learned on, such as ``"retrieval-SfM-120k ms"``
        (``ms`` multi-scale, ``ss`` single-scale), or ``"end-to-end"``.
    """

    backbone: Any
    power: float = 3.0
    whitening: Mapping[str, Whitening] = field(default_factory=dict)


class Backbone(nn.Module):  # type: ignore[misc]
    """Layers preceded by the normalisation that they were trained with.

    Parameters
    ----------
    features : torch.nn.Module
        Normalised photos to the last feature map.
    mean, std : three floats
        Of RGB in 0..1.
    """

    def __init__(
        self,
        features: nn.Module,
        mean: tuple[float, ...] = MEAN,
        std: tuple[float, ...] = STD,
    ) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(std).view(1, 3, 1, 1)))

    def forward(self, photos: Any) -> Any:
        """Turn RGB 0..255 (N, 3, H, W) into features (N, C, h, w)."""
        return self.features((photos - self.mean) * self.scale).clamp(min=0)


def published_weights(name: str) -> str | None:
    """Return the address of torchvision's default weights; None for a network of timm.

    Raises
    ------
    SegmenterError
        If torchvision has no such network.
    """
    if name.startswith("timm/"):
        return None
    models = _torchvision()
    if name not in models.list_models():
        raise SegmenterError(_unknown(name, models))
    return str(models.get_model_weights(name).DEFAULT.url)


def load_network(name: str, weights: Path | None) -> CnnNetwork:
    """Return a network.

    Parameters
    ----------
    name : str
        A network of torchvision, such as ``vgg16`` or ``resnet101``, or of timm, as in
        ``timm/resnet18``.
    weights : Path, optional
        torchvision's or timm's own weights for it; or a checkpoint of cirtorch, whose
        normalisation, exponent and whitening are used as well. Random weights if not given.

    Raises
    ------
    SegmenterError
        If torchvision or timm is missing, or has no such network.
    CheckpointError
        If the file cannot be read safely, or belongs to another network.
    """
    saved = None if weights is None else load_checkpoint(weights)
    meta = {} if saved is None else saved["meta"]
    whole, features = _build(name)
    if saved is None:
        return CnnNetwork(Backbone(features).eval())
    if not _is_cirtorch(saved):
        _load(whole, saved["state_dict"], weights)
        return CnnNetwork(Backbone(features).eval())
    _check_pooling(meta, saved["state_dict"], weights)
    architecture = str(meta.get("architecture", name))
    if architecture != name:
        raise CheckpointError(f"Expected weights of {name}, got {architecture}'s in {weights}.")
    state = saved["state_dict"]
    inner = {k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}
    _load(features, inner, weights)
    mean, std = tuple(meta.get("mean", MEAN)), tuple(meta.get("std", STD))
    power = float(state["pool.p"]) if "pool.p" in state else 3.0
    return CnnNetwork(Backbone(features, mean, std).eval(), power, _whitening(saved))


def _is_cirtorch(saved: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint has the layout of cirtorch's ImageRetrievalNet."""
    names = saved["state_dict"]
    return "pool.p" in names or "architecture" in saved["meta"]


def _check_pooling(meta: Mapping[str, Any], state: Mapping[str, Any], path: Path | None) -> None:
    """Refuse checkpoints of cirtorch whose pooling is not GeM over the whole map."""
    other = [name for name in ("regional", "local_whitening") if meta.get(name)]
    if meta.get("pooling", "gem") != "gem":
        other.append(f"pooling {meta['pooling']}")
    if "pool.p" in state and state["pool.p"].numel() != 1:
        other.append("an exponent a channel")
    if other:
        raise CheckpointError(
            f"Expected a checkpoint with GeM pooling of the whole photo, got {', '.join(other)} in "
            f"{path}. Take one of those that docs/finetune.md names."
        )


def _whitening(saved: Mapping[str, Any]) -> dict[str, Whitening]:
    found: dict[str, Whitening] = {}
    for corpus, scales in saved["meta"].get("Lw", {}).items():
        for scale, arrays in scales.items():
            mean = np.asarray(arrays["m"], np.float32).ravel()
            found[f"{corpus} {scale}"] = mean, np.asarray(arrays["P"], np.float32)
    state = saved["state_dict"]
    if "whiten.weight" in state:
        projection = state["whiten.weight"].numpy().astype(np.float32)
        bias = state["whiten.bias"].numpy().astype(np.float64)
        # W x + b = W (x - m) for any m with W m = -b; lstsq returns the one of least norm
        mean = np.linalg.lstsq(projection.astype(np.float64), -bias, rcond=None)[0]
        found["end-to-end"] = mean.astype(np.float32), projection
    return found


def _build(name: str) -> tuple[nn.Module, nn.Module]:
    """Return a network, and its layers up to the last feature map; both share their weights."""
    if name.startswith("timm/"):
        whole = _timm(name.removeprefix("timm/"))
        return whole, _TimmFeatures(whole)
    models = _torchvision()
    if name not in models.list_models():
        raise SegmenterError(_unknown(name, models))
    whole = models.get_model(name, weights=None)
    if hasattr(whole, "layer4"):
        return whole, nn.Sequential(*list(whole.children())[:-2])
    if not hasattr(whole, "features"):
        raise SegmenterError(f"Expected a convolutional network, got {name}; take vgg16, resnet50.")
    layers = whole.features
    if name.startswith(("vgg", "alexnet")):
        layers = nn.Sequential(*list(layers.children())[:-1])  # as cirtorch: no last pooling
    return whole, layers


class _TimmFeatures(nn.Module):  # type: ignore[misc]
    """A timm network up to its last feature map."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, photos: Any) -> Any:
        """Turn photos into features (N, C, h, w)."""
        return self.network.forward_features(photos)


def _torchvision() -> Any:
    try:
        from torchvision import models
    except (ImportError, RuntimeError, AttributeError) as error:
        raise SegmenterError(
            f"Expected torchvision beside a torch that it fits ({error}); pip install torch "
            "torchvision, both from one place."
        ) from error
    return models


def _timm(name: str) -> Any:
    try:
        import timm
    except ImportError as error:
        raise SegmenterError(f"Expected timm ({error}); pip install timm.") from error
    if not timm.is_model(name):
        raise SegmenterError(f"Expected a network of timm, got {name!r}; see timm.list_models().")
    return timm.create_model(name, pretrained=False)


def _unknown(name: str, models: Any) -> str:
    near = [known for known in models.list_models() if known.startswith(name[:3])][:8]
    hint = f"; near are {', '.join(near)}" if near else ""
    return f"Expected a network of torchvision, or timm/NAME, got {name!r}{hint}."


def _load(module: nn.Module, state: Mapping[str, Any], path: Path | None) -> None:
    try:
        module.load_state_dict(dict(state))
    except RuntimeError as error:
        first = str(error).splitlines()[1:2] or [str(error)]
        raise CheckpointError(
            f"Expected weights of this network, got others in {path}: {first[0].strip()[:200]}"
        ) from error
