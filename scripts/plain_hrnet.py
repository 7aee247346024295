"""HRNet-W18-small with a fully convolutional head, in plain torch.

The network that mmsegmentation builds from ``fcn_hr18s`` (K. Sun et al. 2019, "High-resolution
representations for labeling pixels and regions"), with the same names of weights, for machines
without mmsegmentation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

WIDTHS = (18, 36, 72, 144)
MODULES = (1, 3, 2)
"""Number of exchanges in the stages of two, three and four branches."""

BLOCKS = 2


def conv(inner: int, outer: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """Make a convolution that keeps the size, except for its stride."""
    return nn.Conv2d(inner, outer, size, stride, size // 2, bias=False)


class Basic(nn.Module):
    """Two 3 x 3 convolutions with a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(width, width), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width), nn.BatchNorm2d(width)

    def forward(self, x: Any) -> Any:
        """Keep the shape."""
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + x)


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions to four times the width."""

    def __init__(self, inner: int, width: int) -> None:
        super().__init__()
        outer = 4 * width
        self.conv1, self.bn1 = conv(inner, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, outer, 1), nn.BatchNorm2d(outer)
        short = nn.Sequential(conv(inner, outer, 1), nn.BatchNorm2d(outer))
        self.downsample = short if inner != outer else None

    def forward(self, x: Any) -> Any:
        """Turn (N, inner, h, w) into (N, 4 * width, h, w)."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (self.downsample(x) if self.downsample is not None else x))


class Exchange(nn.Module):
    """Branches at several scales; the output of each is the sum over all, resized to its scale."""

    def __init__(self, branches: int) -> None:
        super().__init__()
        widths = WIDTHS[:branches]
        self.branches = nn.ModuleList(
            nn.Sequential(*(Basic(width) for _ in range(BLOCKS))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_path(widths, source, target) for source in range(branches))
            for target in range(branches)
        )

    def forward(self, maps: list[Any]) -> list[Any]:
        """Keep the shapes."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        answers = []
        for target, paths in enumerate(self.fuse_layers):
            size = maps[target].shape[2:]
            sums = [_fitted(path(x), size) for path, x in zip(paths, maps, strict=True)]  # type: ignore[call-overload]
            answers.append(functional.relu(sum(sums[1:], sums[0])))
        return answers


class Backbone(nn.Module):
    """Maps normalised RGB to feature maps at 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, 64, 3, 2), nn.BatchNorm2d(64)
        self.conv2, self.bn2 = conv(64, 64, 3, 2), nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Bottleneck(64, 64), Bottleneck(256, 64))
        self.transition1 = nn.ModuleList([_step(256, 18), nn.Sequential(_step(256, 36, 2))])
        self.transition2 = _grown(2)
        self.transition3 = _grown(3)
        for number, modules in enumerate(MODULES, 2):
            stage = nn.Sequential(*(Exchange(number) for _ in range(modules)))
            setattr(self, f"stage{number}", stage)

    def forward(self, x: Any) -> list[Any]:
        """Turn (N, 3, H, W) into four maps."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer1(functional.relu(self.bn2(self.conv2(x))))
        maps = self.stage2([step(x) for step in self.transition1])
        maps = self.stage3([*maps, self.transition2[-1](maps[-1])])
        return list(self.stage4([*maps, self.transition3[-1](maps[-1])]))


class Conv(nn.Module):
    """Convolution, norm, ReLU, under mmcv's names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv, self.bn = conv(width, width, 1), nn.BatchNorm2d(width)

    def forward(self, x: Any) -> Any:
        """Keep the shape."""
        return functional.relu(self.bn(self.conv(x)))


class FullyConvolutional(nn.Module):
    """Head: resizes all maps to 1/4, mixes and classifies them."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv_seg = nn.Conv2d(sum(WIDTHS), classes, 1)
        self.convs = nn.Sequential(Conv(sum(WIDTHS)))

    def features(self, maps: list[Any]) -> Any:
        """Return the classifier's input."""
        size = maps[0].shape[2:]
        return self.convs(torch.cat([_fitted(x, size) for x in maps], 1))

    def forward(self, maps: list[Any]) -> Any:
        """Score pixels at 1/4."""
        return self.conv_seg(self.features(maps))


class PlainHRNet(nn.Module):
    """The network: maps normalised photos to features and scores at 1/4."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.decode_head = FullyConvolutional(classes)

    def forward(self, images: Any) -> tuple[Any, Any]:
        """Turn (N, 3, H, W) into features (N, 270, H / 4, W / 4) and scores."""
        features = self.decode_head.features(self.backbone(images))
        return features, self.decode_head.conv_seg(features)


def _fitted(maps: Any, size: Any) -> Any:
    if maps.shape[2:] == size:
        return maps
    return functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _step(inner: int, outer: int, stride: int = 1, last: bool = False) -> nn.Sequential:
    layers = [conv(inner, outer, 3, stride), nn.BatchNorm2d(outer)]
    return nn.Sequential(*layers) if last else nn.Sequential(*layers, nn.ReLU())


def _path(widths: tuple[int, ...], source: int, target: int) -> nn.Module:
    inner, outer = widths[source], widths[target]
    if source > target:
        return nn.Sequential(conv(inner, outer, 1), nn.BatchNorm2d(outer))
    if source == target:
        return nn.Identity()
    steps = [_step(inner, inner, 2) for _ in range(target - source - 1)]
    return nn.Sequential(*steps, _step(inner, outer, 2, last=True))


def _grown(branches: int) -> nn.ModuleList:
    """Keep the branches and make one more from the coarsest."""
    kept = [nn.Identity() for _ in range(branches)]
    return nn.ModuleList([*kept, nn.Sequential(_step(WIDTHS[branches - 1], WIDTHS[branches], 2))])
