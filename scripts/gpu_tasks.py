"""The networks that scripts.train_gpu trains, with their initial weights and losses."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn import functional

from scripts.gpu_views import VOID
from scripts.lite_network import Backbone, LiteNetwork, resized
from scripts.plain_hrnet import PlainHRNet
from semsig.distill.muon import Muon

SMOOTHING = 0.05
SOFT = {"lite2": 0.5, "lite0": 0.6, "hr18s": 0.8}
"""Share of soft targets in the loss, by network."""

ALONE = 0.4
"""Share of its run in which the mentor learns only from the labels."""

NEAR = 0.5
"""Weight of the distance from the ImageNet features in the loss."""

LEAST = 1e-3
"""Lower bound of the mean square of ImageNet features, by which the distance is divided."""

FARTHEST = 6.0
DECAY = 0.03
RATES = {"head": 3e-3, "backbone": 4e-4, "hrnet": 2e-3}
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class Lite:
    """EfficientNet-Lite with a head; the first `frozen` blocks are not trained."""

    def __init__(
        self, name: str, packs: Sequence[Path], classes: int, mentors: list[Any], frozen: int
    ) -> None:
        self.name, self._mentors, self._frozen = name, mentors, frozen
        network = EfficientNet.from_name(f"efficientnet-{name}")
        network._fc = nn.Identity()
        _start(network, packs, name)
        self._first = Backbone(copy.deepcopy(network))
        self.network = LiteNetwork(name, network, classes)
        self._taught = _start(self.network.head, packs, f"{name}-head")
        self._shared = bool(frozen)
        self.network.backbone.free(frozen)
        self.learned: nn.Module = self.network

    def start_from(self, state: dict[str, Any]) -> None:
        """Take the weights of an earlier run."""
        self.network.load_state_dict(state)
        self._taught, self._shared = True, False  # its first blocks may differ from ImageNet's

    def place(self, device: Any, memory: Any) -> None:
        """Move everything to a device."""
        self._first.to(device, memory_format=memory)
        self.network.to(device, memory_format=memory)

    def loss(self, images: Any, labels: Any, average: nn.Module, share: float) -> Any:
        """Return the loss: labels, soft targets, and the distance from the ImageNet features."""
        photos, network = images.permute(0, 2, 3, 1), self.network.train()
        if self._frozen:
            network.backbone.eval()
        maps = network.backbone.begin(photos, self._frozen)
        fine, middle, _, last = network.backbone.finish(maps, self._frozen)
        scores = resized(network.head(fine, middle, last), labels.shape[2:]).float()
        with torch.no_grad():
            first = self._first.eval()
            same = maps if self._shared else first.begin(photos, self._frozen)
            first = first.finish(same, self._frozen)[3].float()
            targets = self._targets(images, labels.shape[2:], average, share)
        error = (last.float() - first).square().mean() / first.square().mean().clamp(min=LEAST)
        return mixed(scores, labels, targets, SOFT[self.name]) + NEAR * error

    def scores(self, network: nn.Module, images: Any) -> Any:
        """Score pixels at a quarter of the photos' side."""
        size = [side // 4 for side in images.shape[2:]]
        return resized(network(images.permute(0, 2, 3, 1))[0].float(), size)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Return AdamW, with a lower learning rate for the backbone than for the head."""
        groups = []
        for part, module in (
            ("backbone", self.network.backbone),
            ("head", self.network.head),
        ):
            groups += _groups(module.parameters(), RATES[part])
        return [torch.optim.AdamW(groups, lr=0.0)]

    def _targets(self, images: Any, size: Any, average: nn.Module, share: float) -> Any:
        if self._mentors:
            return _agreed(self._mentors, images, size)
        if share < ALONE and not self._taught:
            return None
        return resized(self.scores(average, images), size).softmax(1)


class HighResolution:
    """The embedded network, trained further with mentors."""

    name = "hr18s"

    def __init__(self, packs: Sequence[Path], classes: int, mentors: list[Any]) -> None:
        self._mentors = mentors
        self.network: nn.Module = PlainHRNet(classes)
        _start(self.network, packs, self.name)
        self._predict = nn.ModuleList(
            nn.Conv2d(self.network.decode_head.conv_seg.in_channels, width, 1)
            for width in (_hint_widths(mentors[0][1]) if mentors else ())
        )
        self.learned: nn.Module = nn.ModuleList([self.network, self._predict])

    def start_from(self, state: dict[str, Any]) -> None:
        """Take the weights of an earlier run."""
        self.network.load_state_dict(state)

    def place(self, device: Any, memory: Any) -> None:
        """Move everything to a device."""
        self.learned.to(device, memory_format=memory)
        scale = [torch.tensor(x, device=device).view(3, 1, 1) for x in (MEAN, STD)]
        self._mean, self._std = scale

    def loss(self, images: Any, labels: Any, average: nn.Module, share: float) -> Any:  # noqa: ARG002
        """Return the loss: labels, soft targets, and hints."""
        features, scores = self.network.train()((images - self._mean) / self._std)
        with torch.no_grad():
            targets = _agreed(self._mentors, images, labels.shape[2:])
        loss = mixed(scores.float(), labels, targets, SOFT[self.name])
        return loss + self._hints(features, images)

    def scores(self, network: nn.Module, images: Any) -> Any:
        """Score pixels at a quarter of the photos' side."""
        return network((images - self._mean) / self._std)[1].float()

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Return Muon for hidden convolutions and AdamW for the rest, as in `semsig distill`."""
        outer = ("backbone.conv1.weight", "decode_head.conv_seg.weight")
        named = dict(self.network.named_parameters())
        hidden = [p for name, p in named.items() if p.ndim == 4 and name not in outer]
        taken = {id(weight) for weight in hidden}
        rest = [p for p in self.learned.parameters() if id(p) not in taken]
        muon = Muon(hidden, lr=0.0, weight_decay=0.02)
        for group in muon.param_groups:
            group["base"] = RATES["hrnet"]
        return [muon, torch.optim.AdamW(_groups(rest, RATES["hrnet"]), lr=0.0)]

    def _hints(self, features: Any, images: Any) -> Any:
        if not self._mentors:
            return 0.0
        with torch.no_grad():
            maps = self._mentors[0][1](images.permute(0, 2, 3, 1))[1:]
        errors = []
        for predict, hint in zip(self._predict, maps, strict=True):
            near = functional.adaptive_avg_pool2d(features, hint.shape[2:])
            wanted = functional.batch_norm(hint.float(), None, None, training=True)
            errors.append(
                functional.mse_loss(predict(near).float(), wanted.clamp(-FARTHEST, FARTHEST))
            )
        return torch.stack(errors).mean()


def _agreed(mentors: list[Any], images: Any, size: Any) -> Any:
    """Mean of the mentors' probabilities; None without any."""
    found = [resized(task.scores(net, images), size).softmax(1) for task, net in mentors]
    return torch.stack(found).mean(0) if found else None


def mixed(scores: Any, labels: Any, targets: Any, soft: float) -> Any:
    """Return the cross-entropy with known labels, and with soft targets if there are any.

    In labels (B, 3, h, w), the first class is weighted by its share, the second by the rest.
    """
    logs = scores.log_softmax(1)
    first, second, share = labels.unbind(1)
    own, other = (_of(logs, classes) for classes in (first, second))
    smooth = torch.lerp(torch.lerp(other, own, share / 255), logs.mean(1), SMOOTHING)
    known = first != VOID
    hard = -(smooth * known).sum() / known.sum().clamp(min=1)
    if targets is None:
        return hard
    return torch.lerp(hard, -(targets * logs).sum(1).mean(), soft)


def _of(logs: Any, classes: Any) -> Any:
    """Pick the value of each pixel's class; for void, which callers leave out, the last one's."""
    return logs.gather(1, classes.clamp(max=logs.shape[1] - 1)[:, None])[:, 0]


def _groups(weights: Any, rate: float) -> list[dict[str, Any]]:
    """Split weights into those that decay and those that do not."""
    listed = [weight for weight in weights if weight.requires_grad]
    return [
        {"params": [p for p in listed if p.ndim > 1], "weight_decay": DECAY, "base": rate},
        {"params": [p for p in listed if p.ndim <= 1], "weight_decay": 0.0, "base": rate},
    ]


def _hint_widths(network: nn.Module) -> list[int]:
    parameter = next(network.parameters())
    example = torch.zeros(1, 64, 64, 3, device=parameter.device)
    with torch.no_grad():
        return [maps.shape[1] for maps in network(example)[1:]]


def _start(network: nn.Module, packs: Sequence[Path], name: str) -> bool:
    """Load a network's weights from the packs; tell whether they have any."""
    for folder in packs:
        path = folder / f"{name}.pth"
        if path.exists():
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
            return True
    print(f"{name}: no weights to start from", flush=True)  # noqa: T201
    return False
