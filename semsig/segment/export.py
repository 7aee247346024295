"""Export a mmsegmentation network to the ONNX file that :mod:`semsig.segment.onnx` runs.

The graph takes photos as they are and returns labels. Input: ``photos`` uint8 (N, H, W, 3) RGB
with H and W multiples of 32. Outputs: ``labels`` uint8, (N, H/4, W/4) for an HRNet; ``features``
float32 (N, 3, C), the feature map that the classifier reads, C values per pixel, pooled over the
photo by average, maximum and generalised mean (GeM, exponent 3); and ``feature_map`` float32
(N, C, h, w), the map itself. Normalisation is part of the graph, and so is, on request, ruling out
classes that cover hardly any of a photo. Batch norms are folded into the convolutions before them.
Weights keep the names of their modules and are stored as fp16, each with a Cast to fp32 that ONNX
Runtime folds away when it loads the file: the file is half as large, the arithmetic is fp32.

Needs the extra ``mmseg``; torch and onnx are imported on use.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semsig.classes import ClassTable
from semsig.durable import write_file
from semsig.errors import CheckpointError, SegmenterError
from semsig.segment.card import NetworkCard
from semsig.segment.fold import fold_batch_norms

if TYPE_CHECKING:
    import onnx
    import torch

OPSET = 17
"""ONNX operator set of the exported graph."""

MEAN = (123.675, 116.28, 103.53)
"""Mean of ImageNet's RGB values in 0..255, by which mmsegmentation's models normalise."""

STD = (58.395, 57.12, 57.375)
"""Standard deviation of ImageNet's RGB values in 0..255."""

OUTPUTS = ("labels", "features", "feature_map")
"""Outputs of the exported graph."""

LEAST_SHARE = 0.025
"""Threshold of :func:`rule_out` for semsig's own networks, chosen on held-out training photos."""

HALVED = ":fp16"
"""Suffix of the names of weights that are stored as fp16."""

_LEAST_AGREEMENT = 0.999

_HALVED_FROM = 64  # values; shorter tensors, most biases among them, take little space in fp32


def export_network(
    network: torch.nn.Module,
    classes: ClassTable,
    path: Path,
    *,
    short_side: int = 192,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    least_share: float = 0.0,
    provenance: Mapping[str, str] | None = None,
) -> NetworkCard:
    """Write `network` to the ONNX file `path`, and its card beside it.

    Parameters
    ----------
    network : torch.nn.Module
        A mmsegmentation segmentor on the CPU, of which ``backbone`` and ``decode_head`` are used.
        It is not changed.
    classes : ClassTable
        One entry per channel of the decode head; at most 255.
    path : Path
        The ONNX file; its folder must exist.
    short_side : int
        Pixels that photos' short side is resized to, 64 to 1024.
    mean, std : three floats
        Normalisation ``(rgb - mean) / std`` of RGB in 0..255.
    least_share : float
        Classes with a smaller share of a photo are ruled out, see :func:`rule_out`; 0 to 1.
    provenance : mapping of str to str, optional
        Where the weights come from, for the card.

    Returns
    -------
    NetworkCard
        The card, with the file's SHA-256.

    Raises
    ------
    CheckpointError
        If network and table differ in their number of classes.
    SegmenterError
        If the graph's output differs from the network's.
    """
    channels = network.decode_head.out_channels
    if channels != len(classes) or channels > 255:
        raise CheckpointError(
            f"The network has {channels} classes and table {classes.name!r} {len(classes)}; "
            "they must agree and be at most 255."
        )
    labeller = _labeller(_without_upsampling(fold_batch_norms(network)), mean, std, least_share)
    told = dict(provenance or {}) | {"least_share": f"{least_share:g}"}
    return export_labeller(labeller, classes, path, short_side=short_side, provenance=told)


def export_labeller(
    labeller: torch.nn.Module,
    classes: ClassTable,
    path: Path,
    *,
    short_side: int,
    provenance: Mapping[str, str],
) -> NetworkCard:
    """Write a module that returns labels and features to the ONNX file `path`, with a card.

    Parameters
    ----------
    labeller : torch.nn.Module
        Maps photos uint8 (N, H, W, 3) to labels uint8 (N, H/4, W/4) and features float32
        (N, 3, C); in evaluation mode.
    classes, path, short_side, provenance
        As :func:`export_network` takes them.

    Returns
    -------
    NetworkCard
        The card, with the file's SHA-256.

    Raises
    ------
    SegmenterError
        If the graph's output differs from the module's.
    """
    content = _to_onnx(labeller)
    card = NetworkCard(
        sha256=hashlib.sha256(content).hexdigest(),
        classes=classes,
        short_side=short_side,
        opset=OPSET,
        provenance=dict(provenance),
    )
    write_file(path, content)
    card.write(path)
    return card


def rule_out(scores: torch.Tensor, least_share: float) -> torch.Tensor:
    """Set the scores of classes that cover hardly any of a photo to minus infinity.

    A few pixels of a class that the rest of the photo makes unlikely are wrong more often than
    not; they are given the next best class.

    Parameters
    ----------
    scores : Tensor of float32, shape (N, M, h, w)
        Logits of M classes.
    least_share : float
        Classes with a smaller share are ruled out, 0 to 1. A class's share is the mean of its
        probabilities over the photo, estimated here on every second pixel in both directions. The
        class with the largest share is always kept.

    Returns
    -------
    Tensor of float32, shape (N, M, h, w)
    """
    shares = scores[:, :, ::2, ::2].softmax(1).mean((2, 3), keepdim=True)
    least = shares.amax(1, keepdim=True).clamp(max=least_share)
    return scores.masked_fill(shares < least, -math.inf)


def _to_onnx(labeller: torch.nn.Module) -> bytes:
    import onnx
    import torch

    file = io.BytesIO()
    axes = {
        "photos": {0: "n", 1: "h", 2: "w"},
        "labels": {0: "n", 1: "h4", 2: "w4"},
        "features": {0: "n"},
        "feature_map": {0: "n", 2: "fh", 3: "fw"},
    }
    with quiet_tracer():
        torch.onnx.export(
            labeller,
            (torch.zeros(2, 64, 96, 3, dtype=torch.uint8),),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["photos"],
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
        )
    _check(file.getvalue(), labeller)
    model = onnx.load_from_string(file.getvalue())
    _halve_weights(model)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _without_upsampling(network: torch.nn.Module) -> torch.nn.Module:
    """Drop HRNet's own upsampling layers, in place.

    mmsegmentation computes their output size with ``int()``, which tracing turns into a constant,
    the size of the example photo. HRModule resizes their output to the size of the branch that it
    is added to, so the result without them is the same.
    """
    import torch
    from mmseg.models.utils import Upsample

    for name, module in list(network.named_modules()):
        if ".fuse_layers." in name and isinstance(module, Upsample):
            parent, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(parent), leaf, torch.nn.Identity())
    return network


def _check(content: bytes, labeller: torch.nn.Module) -> None:
    """Compare the graph, its weights still fp32, with torch at sizes other than the traced one."""
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for shape in ((1, 96, 160, 3), (3, 128, 64, 3)):
        photos = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        labels = session.run(["labels"], {"photos": photos})[0]
        with torch.no_grad():
            expected = labeller(torch.from_numpy(photos))[0].numpy()
        agreement = float((labels == expected).mean()) if labels.shape == expected.shape else 0.0
        if agreement < _LEAST_AGREEMENT:
            raise SegmenterError(
                f"The exported graph agrees with torch on {agreement:.2%} of pixels at {shape}; "
                "this network is not one that can be exported."
            )


def _labeller(
    network: torch.nn.Module, mean: Sequence[float], std: Sequence[float], least_share: float
) -> torch.nn.Module:
    """Wrap `network` as a module: uint8 photos (N, H, W, 3) -> uint8 labels, pooled features."""
    import torch

    seen: list[Any] = []
    classifier = network.decode_head.conv_seg
    classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    class Labeller(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.decode_head = network.backbone, network.decode_head
            self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
            self.register_buffer("scale", 1 / torch.tensor(std).view(1, 3, 1, 1))

        def forward(self, photos: Any) -> Any:
            rgb = photos.permute(0, 3, 1, 2).float()
            scores = self.decode_head(self.backbone((rgb - self.mean) * self.scale))
            if least_share > 0:
                scores = rule_out(scores, least_share)
            return scores.argmax(1).to(torch.uint8), *described(seen.pop())

    return Labeller().eval()


def described(features: Any) -> tuple[Any, Any]:
    """Return the poolings of a map (N, C, h, w), and the map itself, both non-negative."""
    positive = features.clamp(min=0)
    return pooled(positive), positive


def pooled(features: Any) -> Any:
    """Return average, maximum and generalised mean per channel, (N, C, h, w) -> (N, 3, C)."""
    import torch

    pixels = features.clamp(min=0).flatten(2)
    cubes = pixels * pixels * pixels
    average, gem = pixels.mean(2), cubes.mean(2).pow(1 / 3)
    return torch.stack([average, pixels.amax(2), gem], dim=1)


def _halve_weights(model: onnx.ModelProto) -> None:
    """Store long fp32 initialisers as fp16 named ``NAME:fp16``, cast back under their own name."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _HALVED_FROM:
            continue
        name, stored = tensor.name, f"{tensor.name}{HALVED}"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


@contextmanager
def quiet_tracer() -> Iterator[None]:
    """Silence the tracing exporter's deprecation notes and remarks on constants."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
