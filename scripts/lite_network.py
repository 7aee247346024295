"""The network "lite": EfficientNet-Lite, and a head that computes labels from its feature maps.

Needs only torch, so that it can be trained where semsig is not installed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

MEAN, STD = 127.0, 128.0
"""Mean and scale of EfficientNet-Lite's input."""

WIDTHS = {"lite0": 128, "lite2": 160}
"""Channels of the head, by backbone."""

DROPPED = 0.1


class Backbone(nn.Module):
    """EfficientNet-Lite, initially frozen, with its maps at 1/8, 1/16 and 1/32 as outputs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network
        self.eval().requires_grad_(False)

    def forward(self, photos: Any) -> tuple[Any, Any, Any, Any]:
        """Turn RGB 0..255 (N, H, W, 3) into three maps, and the last as a classifier reads it."""
        return self.finish(self.begin(photos, 0), 0)

    def begin(self, photos: Any, blocks: int) -> list[Any]:
        """Run the first blocks: return the maps before each halving, and the last."""
        net = self.network
        x = (photos.permute(0, 3, 1, 2).float() - MEAN) / STD
        return self._run([net._swish(net._bn0(net._conv_stem(x)))], net._blocks[:blocks])

    def finish(self, maps: list[Any], blocks: int) -> tuple[Any, Any, Any, Any]:
        """Continue from the output of :meth:`begin`; return what :meth:`forward` returns."""
        net = self.network
        *_, fine, middle, x = self._run(maps, net._blocks[blocks:])
        return fine, middle, x, net._swish(net._bn1(net._conv_head(x)))

    def free(self, blocks: int) -> None:
        """Make all but the stem and the first blocks trainable; with 0, everything."""
        net = self.network
        parts = [net._conv_stem, net._bn0] if not blocks else []
        for part in [*parts, *net._blocks[blocks:], net._conv_head, net._bn1]:
            part.requires_grad_(True)

    def _run(self, maps: list[Any], blocks: Any) -> list[Any]:
        *maps, x = maps
        for block in blocks:
            if block._block_args.stride in (2, [2]):
                maps.append(x)
            x = block(x)
        return [*maps, x]


class Head(nn.Module):
    """From coarse to fine, each map is projected, added to the coarser result, and convolved."""

    def __init__(self, sizes: tuple[int, ...], width: int, classes: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(size, width, 1) for size in sizes)
        self.photo = nn.Conv2d(sizes[0], width, 1)
        self.look = nn.ModuleList(_look(width) for _ in sizes)
        self.drop = nn.Dropout2d(DROPPED)
        self.classify = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, classes, 1)
        )

    def forward(self, fine: Any, middle: Any, coarse: Any) -> Any:
        """Score pixels at the scale of `fine`."""
        x = self.photo(self.drop(coarse.mean((2, 3), keepdim=True)))
        for maps, project, look in zip(
            (self.drop(coarse), middle, fine), self.project, self.look, strict=True
        ):
            x = project(maps) + resized(x, maps.shape[2:])
            x = x + look(x)
        return self.classify(x)


class LiteNetwork(nn.Module):
    """Backbone and head, with the outputs of mentor.onnx: scores and maps."""

    def __init__(self, name: str, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.backbone = Backbone(network)
        example = self.backbone(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
        fine, middle, _, last = (maps.shape[1] for maps in example)
        self.head = Head((last, middle, fine), WIDTHS[name], classes)

    def forward(self, photos: Any) -> tuple[Any, Any, Any]:
        """Turn RGB 0..255 (N, H, W, 3) into scores and the maps at 1/16 and 1/32."""
        fine, middle, coarse, last = self.backbone(photos)
        return self.head(fine, middle, last), middle, coarse


def resized(maps: Any, size: Any) -> Any:
    """Resize maps (N, C, h, w) to another (height, width), bilinearly."""
    return functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _look(width: int) -> nn.Sequential:
    conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
    return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), conv)
