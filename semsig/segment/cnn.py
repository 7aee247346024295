"""Any convolutional network as a source of pooled descriptors: ``cnn:NAME[@WEIGHTS]``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.durable import without_tilde
from semsig.errors import SegmenterError
from semsig.segment.batching import image_shape, resize
from semsig.segment.card import sha256_of
from semsig.segment.devices import choose, torch_devices
from semsig.segment.download import Progress, fetch
from semsig.segment.options import NetworkOptions
from semsig.types import Image, LabelMap

SCALES = (1.0, 2**-0.5, 0.5)
"""Scales at which a photo is described (Radenovic, Tolias and Chum 2019, section 5)."""

LONG_SIDE = 1024
"""Photos whose long side is larger are first scaled down to it."""

_CIRTORCH = "http://cmp.felk.cvut.cz/cnnimageretrieval/data/networks/retrieval-SfM-120k/"
PUBLISHED = {
    "retrievalSfM120k-vgg16-gem": f"{_CIRTORCH}retrievalSfM120k-vgg16-gem-b4dcdc6.pth",
    "retrievalSfM120k-resnet101-gem": f"{_CIRTORCH}retrievalSfM120k-resnet101-gem-b80fb85.pth",
    "rSfM120k-tl-resnet50-gem-w": f"{_CIRTORCH}rSfM120k-tl-resnet50-gem-w-97bf910.pth",
    "rSfM120k-tl-resnet101-gem-w": f"{_CIRTORCH}rSfM120k-tl-resnet101-gem-w-a155e54.pth",
}
"""Addresses of cirtorch's checkpoints, by the names that their authors give them."""

RANDOM = "random"
"""Name of random weights drawn with a fixed seed: for tests."""


class CnnSegmenter:
    """A network of torchvision or timm that describes photos; its label maps have one class.

    Parameters
    ----------
    network : str
        ``resnet101``, ``vgg16``, ``timm/...``.
    weights : str, optional
        A file, an address, one of :data:`PUBLISHED`, or "random"; torchvision's own by default.
    options : NetworkOptions, optional
        `short_side` means the long side here; 1,024 by default.
    scales : tuple of float
        Scales at which a photo is described.
    progress : callable, optional
        Called while a file is downloaded.

    Attributes
    ----------
    classes : ClassTable
        One class, ``photo``.
    power : float
        GeM's exponent, 3 unless the checkpoint has another.
    whitening : mapping of str to (mean, projection)
        Those of the checkpoint; see :class:`semsig.segment.cnn_networks.CnnNetwork`.

    Raises
    ------
    SegmenterError
        If torch, torchvision or timm is missing, or there is no such network.
    CheckpointError
        If the weights cannot be obtained, are refused, or belong to another network.
    """

    def __init__(
        self,
        network: str,
        weights: str | None = None,
        options: NetworkOptions | None = None,
        *,
        scales: tuple[float, ...] = SCALES,
        progress: Progress | None = None,
    ) -> None:
        options = options or NetworkOptions()
        torch = _require_torch()
        from semsig.segment.cnn_networks import load_network

        self.classes = ClassTable(["photo"])
        self.long_side = options.short_side or LONG_SIDE
        self.scales = scales
        file = locate_weights(network, weights, progress=progress)
        self._source = f"cnn:{network}" + (f"@{weights}" if weights else "")
        self._hash = sha256_of(file) if file else RANDOM
        torch.manual_seed(0)
        loaded = load_network(network, file)
        self.device = choose(options.device, torch_devices())
        self.backbone = loaded.backbone.to(self.device)
        self.power, self.whitening = loaded.power, loaded.whitening
        self._architecture = network

    @property
    def name(self) -> str:
        """The name by which :func:`semsig.load_segmenter` loads it again."""
        return self._source + (f"@{self.long_side}" if self.long_side != LONG_SIDE else "")

    @property
    def fingerprint(self) -> str:
        """A digest of the network, its weights, and the scales at which photos are described."""
        scales = ",".join(f"{scale:.4f}" for scale in self.scales)
        return f"cnn {self._architecture} {self._hash} side {self.long_side} scales {scales}"

    @property
    def n_features(self) -> int:
        """Channels of the feature map."""
        return int(self._maps(np.zeros((64, 64, 3), np.uint8), 1.0).shape[1])

    def __call__(self, image: Image) -> LabelMap:
        """Return a map of one class, a quarter of the photo's sides."""
        height, width = image_shape(image)
        return LabelMap(np.zeros((-(-height // 4), -(-width // 4)), np.uint8), self.classes)

    def batch(self, images: Sequence[Image]) -> list[LabelMap]:
        """Return the maps of several photos."""
        return [self(image) for image in images]

    def describe(self, images: Sequence[Image]) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        """Return a map of one class and features, (3, C), for each photo.

        The features are mean, maximum and GeM, each scaled to unit length at every scale and
        averaged over the scales; GeM by a generalised mean of its own exponent, as cirtorch does.
        """
        return [(self(image), self._pooled(image)) for image in images]

    def describe_maps(self, images: Sequence[Image]) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        """Return a map of one class and the feature map (C, h, w) at the first scale."""
        return [
            (self(image), self._maps(self._fitted(image), self.scales[0])[0].numpy())
            for image in images
        ]

    def _pooled(self, image: Image) -> NDArray[np.float32]:
        powers = (1.0, 1.0, self.power)
        fitted = self._fitted(image)
        total: Any = 0
        for scale in self.scales:
            rows = _pools(self._maps(fitted, scale)[0].double().numpy(), self.power)
            unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
            total = total + np.stack([row**p for row, p in zip(unit, powers, strict=True)])
        means = total / len(self.scales)
        merged = [row ** (1 / p) for row, p in zip(means, powers, strict=True)]
        return np.stack(merged).astype(np.float32)

    def _fitted(self, image: Image) -> Image:
        height, width = image_shape(image)
        scale = min(1.0, self.long_side / max(height, width))
        return resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))

    def _maps(self, image: Image, scale: float) -> Any:
        """Return the feature map of a photo at a scale, (1, C, h, w), on the CPU."""
        torch = _require_torch()
        photo = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
        # a network that halves its input five times needs 2 ** 5 = 32 pixels per side
        size = [max(32, round(side * scale)) for side in photo.shape[2:]]
        if size != list(photo.shape[2:]):
            photo = torch.nn.functional.interpolate(
                photo, size=size, mode="bilinear", align_corners=False
            )
        with torch.no_grad():
            return self.backbone(photo.to(self.device)).cpu()


def _pools(features: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """Return mean, maximum and GeM of a feature map (C, h, w), (3, C)."""
    pixels = features.reshape(len(features), -1)
    gem = np.maximum(pixels, 1e-6) ** power  # cirtorch's lower bound
    return np.stack([pixels.mean(1), pixels.max(1), gem.mean(1) ** (1 / power)])


def locate_weights(
    network: str, weights: str | None, *, progress: Progress | None = None
) -> Path | None:
    """Return the file of a network's weights, downloaded if needed; None for random ones.

    Raises
    ------
    SegmenterError
        If there is no such network, or it has no published weights.
    CheckpointError
        If the file does not exist, or cannot be downloaded.
    """
    if weights == RANDOM:
        return None
    if weights is None:
        from semsig.segment.cnn_networks import published_weights

        address = published_weights(network)
        if address is None:
            raise SegmenterError(f"Expected weights for {network}: cnn:{network}@FILE.")
        return fetch(address, progress=progress)
    address = PUBLISHED.get(weights, weights)
    if address.startswith(("http://", "https://")):
        return fetch(address, progress=progress)
    return without_tilde(address)


def _require_torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise SegmenterError(
            f"Expected torch ({error}), which cnn: needs; pip install 'semsig[cnn]'."
        ) from error
    return torch
