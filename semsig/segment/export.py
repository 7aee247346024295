"""Export a mmsegmentation network to the ONNX file that :mod:`semsig.segment.onnx` runs.

The graph takes photos as they are and answers with labels: input ``photos`` uint8
(N, H, W, 3) RGB with H and W multiples of 32, output ``labels`` uint8 (N, H/4, W/4) for an
HRNet. Normalisation is part of it, batch norms are folded into the convolutions before them,
weights keep the names of their modules and are stored as fp16, each with a Cast to fp32 that
ONNX Runtime folds away at load: half the file, arithmetic in fp32.

Needs the extra ``mmseg``; torch and onnx are imported on use.
"""

from __future__ import annotations

import copy
import hashlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from semsig.classes import ClassTable
from semsig.errors import CheckpointError, SegmenterError
from semsig.segment.card import NetworkCard

if TYPE_CHECKING:
    import onnx
    import torch

OPSET = 17
"""ONNX operator set of the exported graph."""

MEAN = (123.675, 116.28, 103.53)
"""Mean of ImageNet's RGB values, which mmsegmentation's models are normalised by."""

STD = (58.395, 57.12, 57.375)
"""Standard deviation of ImageNet's RGB values."""

_LEAST_AGREEMENT = 0.999

_HALVED_FROM = 64  # values; shorter tensors, and so most biases, cost nothing in fp32


def export_network(
    network: torch.nn.Module,
    classes: ClassTable,
    path: Path,
    *,
    short_side: int = 192,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    provenance: Mapping[str, str] | None = None,
) -> NetworkCard:
    """Write `network` to the ONNX file `path`, and its card beside it.

    Parameters
    ----------
    network : torch.nn.Module
        A mmsegmentation segmentor, of which ``backbone`` and ``decode_head`` are used, on the
        CPU. It is not changed.
    classes : ClassTable
        One entry a channel of the decode head; at most 255.
    path : Path
        The ONNX file; its folder must exist.
    short_side : int
        Pixels that photos' short side is resized to, 64 to 1024.
    mean, std : three floats
        Normalisation ``(rgb - mean) / std`` of RGB in 0..255.
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
        If the graph does not answer as the network does.
    """
    channels = network.decode_head.out_channels
    if channels != len(classes) or channels > 255:
        raise CheckpointError(
            f"The network has {channels} classes and table {classes.name!r} {len(classes)}; "
            "they must agree and be at most 255."
        )
    folded = fold_batch_norms(network)
    _use_traceable_upsampling(folded)
    content = _to_onnx(folded, mean, std)
    card = NetworkCard(
        sha256=hashlib.sha256(content).hexdigest(),
        classes=classes,
        short_side=short_side,
        opset=OPSET,
        provenance=dict(provenance or {}),
    )
    path.write_bytes(content)
    card.write(path)
    return card


def fold_batch_norms(network: torch.nn.Module) -> torch.nn.Module:
    """Return a copy in eval mode whose batch norms are folded into the convolutions before them.

    ``w' = w * gamma / sqrt(var + eps)``, ``b' = (b - mean) * gamma / sqrt(var + eps) + beta``.
    """
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    folded = copy.deepcopy(network).eval()
    for norm_name, conv_name in convolutions_before_norms(folded).items():
        norm, conv = folded.get_submodule(norm_name), folded.get_submodule(conv_name)
        moments = norm.running_mean, norm.running_var, norm.eps
        affine = norm.weight, norm.bias
        conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *moments, *affine)
        parent, _, leaf = norm_name.rpartition(".")
        setattr(folded.get_submodule(parent), leaf, torch.nn.Identity())
    return folded


def convolutions_before_norms(network: torch.nn.Module) -> dict[str, str]:
    """Return {name of a batch norm: name of the convolution that feeds it}.

    The pairs are found by running the network once, so no naming scheme is assumed.
    """
    import torch

    made: dict[int, tuple[str, torch.Tensor]] = {}
    pairs: dict[str, str] = {}

    def remember(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: made.update({id(output): (name, output)})

    def pair(name: str) -> Callable[..., None]:
        return lambda _module, inputs: pairs.update({name: made[id(inputs[0])][0]})

    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            hooks.append(module.register_forward_hook(remember(name)))
        elif isinstance(module, torch.nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(pair(name)))
    with torch.no_grad():
        network.decode_head(network.backbone(torch.zeros(1, 3, 64, 64)))
    for hook in hooks:
        hook.remove()
    return pairs


def _use_traceable_upsampling(network: torch.nn.Module) -> None:
    """Put torch's Upsample in the place of mmsegmentation's.

    The latter computes its output size with ``int()``, which tracing turns into the constant of
    the example photo: at any other size the graph would resize twice and blur its features.
    """
    import torch
    from mmseg.models.utils import Upsample

    found = [(n, m) for n, m in network.named_modules() if isinstance(m, Upsample)]
    for name, module in found:
        parent, _, leaf = name.rpartition(".")
        plain = torch.nn.Upsample(
            module.size, module.scale_factor, module.mode, module.align_corners
        )
        setattr(network.get_submodule(parent), leaf, plain)


def _to_onnx(network: torch.nn.Module, mean: Sequence[float], std: Sequence[float]) -> bytes:
    import onnx
    import torch

    file = io.BytesIO()
    labeller = _labeller(_without_upsample(network), mean, std)
    axes = {"photos": {0: "n", 1: "h", 2: "w"}, "labels": {0: "n", 1: "h4", 2: "w4"}}
    with _quiet_tracer():
        torch.onnx.export(
            labeller,
            (torch.zeros(2, 64, 96, 3, dtype=torch.uint8),),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["photos"],
            output_names=["labels"],
            dynamic_axes=axes,
        )
    _check(file.getvalue(), labeller)
    model = onnx.load_from_string(file.getvalue())
    _halve_weights(model)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _without_upsample(network: torch.nn.Module) -> torch.nn.Module:
    """Drop HRNet's own upsampling layers, in place.

    mmsegmentation's layer turns sizes into constants when traced. HRModule resizes what leaves
    it to the size of the branch that it is added to, so without the layer the result is the same.
    """
    import torch

    for name, _ in list(network.named_modules()):
        parent, _, leaf = name.rpartition(".")
        if ".fuse_layers." in name and type(network.get_submodule(name)).__name__ == "Upsample":
            setattr(network.get_submodule(parent), leaf, torch.nn.Identity())
    return network


def _check(content: bytes, labeller: torch.nn.Module) -> None:
    """Compare the graph, weights still fp32, with torch at sizes other than the traced one."""
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for shape in ((1, 96, 160, 3), (3, 128, 64, 3)):
        photos = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        labels = session.run(["labels"], {"photos": photos})[0]
        with torch.no_grad():
            expected = labeller(torch.from_numpy(photos)).numpy()
        agreement = float((labels == expected).mean()) if labels.shape == expected.shape else 0.0
        if agreement < _LEAST_AGREEMENT:
            raise SegmenterError(
                f"The exported graph agrees with torch on {agreement:.2%} of pixels at {shape}; "
                "this network is not one that can be exported."
            )


def _labeller(
    network: torch.nn.Module, mean: Sequence[float], std: Sequence[float]
) -> torch.nn.Module:
    """Wrap `network` as uint8 photos (N, H, W, 3) -> uint8 labels."""
    import torch

    class Labeller(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.decode_head = network.backbone, network.decode_head
            self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
            self.register_buffer("scale", 1 / torch.tensor(std).view(1, 3, 1, 1))

        def forward(self, photos: Any) -> Any:
            rgb = photos.permute(0, 3, 1, 2).float()
            logits = self.decode_head(self.backbone((rgb - self.mean) * self.scale))
            return logits.argmax(1).to(torch.uint8)

    return Labeller().eval()


def _halve_weights(model: onnx.ModelProto) -> None:
    """Store long fp32 initialisers as fp16 named ``NAME:fp16``, cast back under their own name."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _HALVED_FROM:
            continue
        name, stored = tensor.name, f"{tensor.name}:fp16"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


@contextmanager
def _quiet_tracer() -> Iterator[None]:
    """Silence the tracing exporter: deprecation notes and remarks on constants."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
