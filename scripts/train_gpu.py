"""Train the mentor, "lite" and the embedded network in minutes, on a GPU or whatever there is.

Usage: python -m scripts.train_gpu PACK [PACK ...] --out OUT [--minutes N] [--state DIR] [--trial]

PACK are folders of scripts.pack_training. Three networks share the time: EfficientNet-Lite2
learns the labels, later beside its own average; EfficientNet-Lite0, all of it, learns the labels
beside Lite2, held near its ImageNet features, which pooled descriptors live on; HRNet-W18-small
goes on from the embedded network beside both. OUT gets lite2.pth, lite0.pth, hr18s.pth, averages
in fp16, and log.jsonl, with agreement and mIoU on held-out squares. Started again with the same
--state, it goes on to the step. A network that fails leaves its traceback in the log and its time
to the others. Needs torch, numpy and opencv; scripts.export_lite and scripts/export_embedded.py
export the results.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn import functional

from scripts.gpu_training import SIDE, Average, Log, Plan, Run, Task
from scripts.gpu_views import VOID, Pack
from scripts.lite_network import Backbone, LiteNetwork, resized
from scripts.plain_hrnet import PlainHRNet
from semsig.distill.muon import Muon

SMOOTHING = 0.05
SOFT = {"lite2": 0.5, "lite0": 0.6, "hr18s": 0.8}
"""Share of soft targets in the loss."""

TIME = {"lite2": 0.22, "lite0": 0.33, "hr18s": 0.45}
ALONE = 0.4
"""Share of its run in which the mentor learns from the labels alone."""

NEAR = 0.5
"""Weight of staying near the ImageNet features."""

LEAST = 1e-3
"""Mean square of ImageNet features that the distance from them is at least measured in."""

FARTHEST = 6.0
DECAY = 0.03
RATES = {"head": 3e-3, "backbone": 4e-4, "hrnet": 2e-3}
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
TRIED = 6
"""Steps by which memory formats are compared."""


class Lite:
    """EfficientNet-Lite with a head; the first `frozen` blocks stay as they are."""

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
        self.network.backbone.free(frozen)
        self.learned: nn.Module = self.network

    def place(self, device: Any, memory: Any) -> None:
        """Move everything to a device."""
        self._first.to(device, memory_format=memory)
        self.network.to(device, memory_format=memory)

    def loss(self, images: Any, labels: Any, average: nn.Module, share: float) -> Any:
        """Labels, soft targets, and the distance from the ImageNet features."""
        photos, network = images.permute(0, 2, 3, 1), self.network.train()
        if self._frozen:
            network.backbone.eval()
        maps = network.backbone.begin(photos, self._frozen)
        fine, middle, _, last = network.backbone.finish(maps, self._frozen)
        scores = resized(network.head(fine, middle, last), labels.shape[2:]).float()
        with torch.no_grad():
            same = maps if self._frozen else self._first.begin(photos, 0)
            first = self._first.eval().finish(same, self._frozen)[3].float()
            targets = self._targets(images, labels.shape[2:], average, share)
        error = (last.float() - first).square().mean() / first.square().mean().clamp(min=LEAST)
        return _mixed(scores, labels, targets, SOFT[self.name]) + NEAR * error

    def scores(self, network: nn.Module, images: Any) -> Any:
        """Score pixels at a quarter of the photos' side."""
        size = [side // 4 for side in images.shape[2:]]
        return resized(network(images.permute(0, 2, 3, 1))[0].float(), size)

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """AdamW; the backbone slower than the head."""
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
    """The embedded network, from where it is, beside mentors."""

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

    def place(self, device: Any, memory: Any) -> None:
        """Move everything to a device."""
        self.learned.to(device, memory_format=memory)
        scale = [torch.tensor(x, device=device).view(3, 1, 1) for x in (MEAN, STD)]
        self._mean, self._std = scale

    def loss(self, images: Any, labels: Any, average: nn.Module, share: float) -> Any:  # noqa: ARG002
        """Labels, soft targets, hints."""
        features, scores = self.network.train()((images - self._mean) / self._std)
        with torch.no_grad():
            targets = _agreed(self._mentors, images, labels.shape[2:])
        loss = _mixed(scores.float(), labels, targets, SOFT[self.name])
        return loss + self._hints(features, images)

    def scores(self, network: nn.Module, images: Any) -> Any:
        """Score pixels at a quarter of the photos' side."""
        return network((images - self._mean) / self._std)[1].float()

    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Muon for hidden convolutions, AdamW for the rest, as `semsig distill` has it."""
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


def main() -> None:
    """Train all three."""
    given = _arguments()
    deadline = time.monotonic() + 60 * given.minutes
    given.out.mkdir(parents=True, exist_ok=True)
    given.state.mkdir(parents=True, exist_ok=True)
    log = Log(given.out / "log.jsonl")
    device = torch.device(given.device if given.device != "auto" else _best())
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(0)
    pack = Pack([f for folder in given.packs for f in sorted(folder.glob("photos*.npz"))], device)
    log(device=str(device), torch=torch.__version__, photos=len(pack.sizes), all=pack.complete)
    if not (pack.complete or given.trial):
        raise SystemExit("Some photos are missing: expected all files of scripts.pack_training.")
    mentors: list[Any] = []
    names = given.networks
    for place, name in enumerate(names):
        share = TIME[name] / sum(TIME[later] for later in names[place:])
        seconds = (deadline - time.monotonic()) * share
        try:
            task: Any = _task(name, given, len(pack.classes), mentors)
            average = _train(task, pack, seconds, given, log)
            if isinstance(task, Lite):
                mentors = [*mentors, (task, average.module)]
        except Exception:
            log(network=name, failed=traceback.format_exc())


def _train(task: Any, pack: Pack, seconds: float, given: Any, log: Log) -> Average:
    started = time.monotonic()
    plan = Plan(seconds=0, batch=given.batch, side=given.side, decay=given.decay)
    task.place(pack.device, _format(task, pack, plan, given, log))
    average = Average(task.network, copy.deepcopy(task.network), plan.decay)
    plan = Plan(
        seconds=max(seconds - (time.monotonic() - started) - given.spare, 1.0),
        batch=given.batch,
        side=given.side,
        decay=given.decay,
        rate=given.rate,
        report=given.report,
        steps=given.steps if given.trial else None,
    )
    Run(task, average, pack, plan, given.out, given.state, log).train()
    return average


def _format(task: Any, pack: Pack, plan: Plan, given: Any, log: Log) -> Any:
    """Return the memory format that `given.formats` names, or the one that turns out faster."""
    known = json.loads(given.formats.read_text()) if given.formats.exists() else {}
    if pack.device.type == "cpu":
        return torch.channels_last
    if task.name not in known:
        weights = copy.deepcopy(task.network.state_dict())
        speeds = {name: _speed(task, pack, plan, memory) for name, memory in FORMATS.items()}
        task.network.load_state_dict(weights)
        log(network=task.name, views_a_second=speeds)
        known[task.name] = max(speeds, key=lambda name: speeds[name])
        given.formats.write_text(json.dumps(known))
    return FORMATS[known[task.name]]


def _speed(task: Any, pack: Pack, plan: Plan, memory: Any) -> int:
    task.place(pack.device, memory)
    random = torch.Generator(pack.device).manual_seed(1)
    for step in range(2 * TRIED):
        if step == TRIED:
            torch.cuda.synchronize()
            began = time.monotonic()
        images, labels = pack.draw(plan.batch, plan.side, plan.zoom, plan.paste, random)
        with torch.autocast(pack.device.type, torch.bfloat16):
            loss = task.loss(images, labels, task.network, 0.0)
        loss.backward()
        task.learned.zero_grad(set_to_none=True)
    torch.cuda.synchronize()
    return round(TRIED * plan.batch / (time.monotonic() - began))


def _task(name: str, given: Any, classes: int, mentors: list[Any]) -> Task | Any:
    if name == HighResolution.name:
        return HighResolution(given.packs, classes, mentors)
    return Lite(name, given.packs, classes, mentors, given.frozen)


def _agreed(mentors: list[Any], images: Any, size: Any) -> Any:
    """Mean of the mentors' probabilities; None without any."""
    found = [resized(task.scores(net, images), size).softmax(1) for task, net in mentors]
    return torch.stack(found).mean(0) if found else None


def _mixed(scores: Any, labels: Any, targets: Any, soft: float) -> Any:
    """Cross-entropy with labels that are known, and with soft targets where there are any.

    Of labels (B, 3, h, w), the first class counts by its share and the second by the rest.
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
    """Pick each pixel's value of a class; void, which the caller leaves out, picks the last."""
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
    """Load what the packs have of a network; tell whether they have it."""
    for folder in packs:
        path = folder / f"{name}.pth"
        if path.exists():
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
            return True
    print(f"{name}: no weights to start from", flush=True)  # noqa: T201
    return False


def _best() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--state", type=Path, default=Path("train_gpu_state"))
    parser.add_argument("--formats", type=Path, default=Path("train_gpu_formats.json"))
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--networks", nargs="+", choices=list(TIME), default=list(TIME))
    parser.add_argument("--frozen", type=int, default=0, help="first blocks of lite that stay")
    parser.add_argument("--rate", type=float, default=1.0, help="times the learning rates")
    parser.add_argument("--decay", type=float, default=0.998, help="of the average, a step")
    parser.add_argument("--report", type=float, default=30.0, help="seconds between checkpoints")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--spare", type=float, default=3.0, help="seconds left for the last report")
    parser.add_argument("--trial", action="store_true", help="a few steps of each, incomplete pack")
    parser.add_argument("--steps", type=int, default=4, help="of --trial")
    return parser.parse_args()


if __name__ == "__main__":
    main()
