"""Export a descriptor network as an ONNX file that ``onnx:FILE`` loads."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from semsig.classes import ClassTable
from semsig.durable import write_file
from semsig.errors import SegmenterError
from semsig.finetune.network import DescriptorNetwork, gem
from semsig.segment.card import NetworkCard
from semsig.segment.export import OPSET, quiet_tracer

_TOLERANCE = 1e-3
"""Largest difference between ONNX Runtime and torch in a descriptor's components, all at most 1."""


class _Exported(nn.Module):  # type: ignore[misc]
    """Maps photos to labels of one class, features (mean, maximum, GeM), and the feature map."""

    def __init__(self, network: DescriptorNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, photos: Any) -> tuple[Any, Any, Any]:
        features = self.network.features(photos)
        labels = torch.zeros_like(photos[:, ::4, ::4, 0])
        pools = (
            features.mean((2, 3)),
            features.amax((2, 3)),
            gem(features, self.network.power.detach()),
        )
        return labels, torch.stack(pools, dim=1), features


def export_descriptor(
    network: DescriptorNetwork, path: Path, *, short_side: int, provenance: Mapping[str, str]
) -> NetworkCard:
    """Write a network to the ONNX file `path`, and its card beside it.

    Outputs: ``labels`` uint8 (N, H/4, W/4), all 0; ``features`` float32 (N, 3, C), mean, maximum
    and GeM with the learned exponent; ``feature_map`` float32 (N, C, h, w).

    Parameters
    ----------
    network : DescriptorNetwork
        In evaluation mode.
    path : Path
        The ONNX file; its folder must exist.
    short_side : int
        Pixels that photos' short side is resized to.
    provenance : mapping of str to str
        Origin of the weights.

    Returns
    -------
    NetworkCard
        The card, with the file's SHA-256.

    Raises
    ------
    SegmenterError
        If the graph's output differs from the network's.
    """
    module = _Exported(network).eval()
    content = _to_onnx(module)
    _check(content, module)
    card = NetworkCard(
        sha256=hashlib.sha256(content).hexdigest(),
        classes=ClassTable(["photo"]),
        short_side=short_side,
        opset=OPSET,
        provenance=dict(provenance),
    )
    write_file(path, content)
    card.write(path)
    return card


def _to_onnx(module: nn.Module) -> bytes:
    file = io.BytesIO()
    axes = {
        "photos": {0: "n", 1: "h", 2: "w"},
        "labels": {0: "n", 1: "h4", 2: "w4"},
        "features": {0: "n"},
        "feature_map": {0: "n", 2: "fh", 3: "fw"},
    }
    with quiet_tracer():
        torch.onnx.export(
            module,
            (torch.zeros(2, 64, 96, 3, dtype=torch.uint8),),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["photos"],
            output_names=["labels", "features", "feature_map"],
            dynamic_axes=axes,
        )
    return file.getvalue()


def _check(content: bytes, module: nn.Module) -> None:
    """Compare the graph with torch at sizes other than the traced one."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for shape in ((1, 96, 160, 3), (3, 128, 64, 3)):
        photos = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        labels, features, _ = session.run(None, {"photos": photos})
        with torch.no_grad():
            expected = module(torch.from_numpy(photos))[1].numpy()
        scale = max(float(np.abs(expected).max()), 1e-6)
        off = float(np.abs(features - expected).max()) / scale
        if off > _TOLERANCE or labels.shape != (shape[0], shape[1] // 4, shape[2] // 4):
            raise SegmenterError(
                f"Expected an exported graph that answers as torch does; features differ by {off:g}"
                f" at {shape}: this network is not one that can be exported."
            )
