"""Export a network that scripts.train_gpu trained: "lite", or its mentor.

Usage: python -m scripts.export_lite CHECKPOINT OUT

OUT is given model.onnx with its card, and mentor.onnx, both as scripts.train_lite writes them.
Needs the extra mmseg and the dependency group mentor.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import onnx
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn import functional

from scripts.lite_network import WIDTHS, LiteNetwork
from semsig.classes import ClassTable
from semsig.distill.mentor import CLASSES
from semsig.segment.checkpoint import load_checkpoint
from semsig.segment.export import (
    LEAST_SHARE,
    OPSET,
    described,
    export_labeller,
    quiet_tracer,
    rule_out,
)

SIDE = 192


def main(checkpoint: str, out: str) -> None:
    """Build the network of `checkpoint`, and export it."""
    content = load_checkpoint(Path(checkpoint))
    meta, folder = content["meta"], Path(out)
    classes = ClassTable.builtin("semsig54")
    if tuple(meta["classes"]) != classes.names:
        classes = ClassTable(meta["classes"])
    name = str(meta["name"])
    backbone = EfficientNet.from_name(f"efficientnet-{name}")
    backbone._fc = nn.Identity()
    network = LiteNetwork(name, backbone, len(classes))
    network.load_state_dict(content["state_dict"])
    folder.mkdir(parents=True, exist_ok=True)
    write(network.eval(), name, classes, folder, "python -m scripts.train_gpu")


class Labeller(nn.Module):
    """The network with the outputs of model.onnx: labels and pooled features."""

    def __init__(self, network: LiteNetwork) -> None:
        super().__init__()
        self.backbone, self.head = network.backbone, network.head

    def forward(self, photos: Any) -> tuple[Any, Any, Any]:
        """Turn uint8 (N, H, W, 3) into labels and features, see `semsig.segment.export`."""
        fine, middle, _, last = self.backbone(photos)
        scores = functional.interpolate(
            self.head(fine, middle, last), scale_factor=2, mode="bilinear", align_corners=False
        )
        return rule_out(scores, LEAST_SHARE).argmax(1).to(torch.uint8), *described(last)


def write(network: LiteNetwork, name: str, classes: ClassTable, folder: Path, made_by: str) -> None:
    """Write model.onnx, model.json and mentor.onnx to `folder`."""
    _write_mentor(network, classes, folder / "mentor.onnx")
    told = {
        "architecture": f"EfficientNet-{name.title()}, weights of ImageNet (Apache-2.0), "
        f"and a head of {WIDTHS[name]} channels",
        "made by": made_by,
        "least_share": f"{LEAST_SHARE:g}",
    }
    path = folder / "model.onnx"
    export_labeller(Labeller(network).eval(), classes, path, short_side=SIDE, provenance=told)


def _write_mentor(network: LiteNetwork, classes: ClassTable, path: Path) -> None:
    names = ["scores", "middle", "coarse"]
    axes = {"photos": {0: "n", 1: "h", 2: "w"}}
    axes |= {name: {0: "n", 2: f"h {name}", 3: f"w {name}"} for name in names}
    with quiet_tracer():
        torch.onnx.export(
            network,
            (torch.zeros(2, SIDE, SIDE + 32, 3, dtype=torch.uint8),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=["photos"],
            output_names=names,
            dynamic_axes=axes,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {CLASSES: "\n".join(classes.names)})
    onnx.save(model, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
