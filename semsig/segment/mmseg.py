"""Segmentation by any network of mmsegmentation (extra ``mmseg``), run by torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable, builtin_tables
from semsig.durable import without_tilde
from semsig.errors import CheckpointError, ClassTableError, SegmenterError
from semsig.segment.batching import BatchedNetwork, run_together
from semsig.segment.card import sha256_of
from semsig.segment.checkpoint import load_checkpoint
from semsig.segment.devices import choose, torch_devices
from semsig.segment.download import Progress, fetch
from semsig.segment.network import build_network, fill, read_config
from semsig.segment.options import NetworkOptions
from semsig.segment.zoo import find_config, published
from semsig.types import Image, LabelMap


class MmsegSegmenter(BatchedNetwork):
    """A network that mmsegmentation builds, with a checkpoint's weights.

    Photos are resized to the side that the config tests at, and normalised as the config says.
    Labels are the argmax at the scale of the network's own output, 1/4 for an HRNet:
    mmsegmentation's inference first enlarges every class plane, which doubles the time.

    Parameters
    ----------
    config : str
        As :func:`semsig.segment.zoo.find_config` takes it. A config file is Python; it is run.
    checkpoint : str, optional
        A file, or an http(s) address; by default what the model zoo publishes for the config.
    options : NetworkOptions, optional
        How to run it. ``threads`` sets torch's threads for the whole process.
    progress : callable, optional
        Called with (bytes so far, total bytes or None) while a checkpoint is downloaded.

    Raises
    ------
    SegmenterError
        If mmsegmentation is missing, has no such config, or its network returns no class planes.
    CheckpointError
        If the checkpoint is missing, damaged, contains code, or belongs to another network.
    """

    def __init__(
        self,
        config: str,
        checkpoint: str | None = None,
        options: NetworkOptions | None = None,
        *,
        progress: Progress | None = None,
    ) -> None:
        options = options or NetworkOptions()
        entries = read_config(find_config(config))
        file = locate_checkpoint(config, checkpoint, progress=progress)
        content = load_checkpoint(file)
        self.classes = _class_table(content["meta"], entries)
        self._network = build_network(entries, n_classes=len(self.classes))
        fill(self._network, content["state_dict"])
        self.device = choose(options.device, torch_devices())
        self._network.to(self.device)
        self._photos = _Normalisation(entries)
        self._batch_size = options.batch_size
        self._name = _name(config, checkpoint)
        self._side = options.short_side
        self.short_side = self._side or _test_side(entries)
        self._sha256 = sha256_of(file)
        _set_threads(options.threads)

    @property
    def name(self) -> str:
        """The name by which :func:`semsig.load_segmenter` loads it again."""
        return self._name + (f"@{self._side}" if self._side else "")

    @property
    def fingerprint(self) -> str:
        """A digest of the weights, the class table and the input size."""
        return (
            f"{self._name.partition('@')[0]} {self._sha256} side {self.short_side} "
            f"classes {self.classes.fingerprint}"
        )

    @cached_property
    def n_features(self) -> int:
        """Channels of the map that the last head's classifier reads; 0 if it has no classifier."""
        return int(getattr(self._classifier, "in_channels", 0))

    def describe(self, images: Sequence[Image]) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        """Return label map and features, (3, C), of each photo; see :class:`FeatureSegmenter`."""
        from semsig.segment.export import pooled

        return self._described(images, pooled)

    def describe_maps(self, images: Sequence[Image]) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        """Return label map and feature map, (C, h, w), of each photo; see :class:`MapSegmenter`.

        Negative values become 0.
        """
        return self._described(images, lambda map_: map_.clamp(min=0))

    def _described(
        self, images: Sequence[Image], made: Callable[[Any], Any]
    ) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        if not self.n_features:
            raise SegmenterError(
                f"Expected a network whose last head has a classifier conv_seg; {self.name} has "
                "none, so it gives label maps alone."
            )
        rows = run_together(
            images,
            lambda photos: self._see(photos, made),
            short_side=self.short_side,
            batch_size=self._batch_size,
        )
        return [(LabelMap(labels, self.classes), features) for labels, features in rows]

    def _see(
        self, photos: NDArray[np.uint8], made: Callable[[Any], Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return labels, and `made` of the map that the classifier read, from one forward pass."""
        seen: list[Any] = []
        hook = self._classifier.register_forward_pre_hook(
            lambda _, inputs: seen.append(made(inputs[0]).cpu().numpy())
        )
        try:
            labels = self._run(photos)
        finally:
            hook.remove()
        return labels, seen[-1]

    @property
    def _classifier(self) -> Any:
        """The last head's 1 x 1 convolution to classes; None if it has none."""
        head: Any = getattr(self._network, "decode_head", None)
        last = head[-1] if hasattr(head, "__getitem__") else head  # cascades have several heads
        return getattr(last, "conv_seg", None)

    def _run(self, photos: NDArray[np.uint8]) -> NDArray[np.int64]:
        import torch

        try:
            with torch.inference_mode():
                planes = self._network(self._photos(photos).to(self.device), mode="tensor")
        except Exception as error:
            raise SegmenterError(f"{self.name} failed on {photos.shape}: {error}") from error
        if not isinstance(planes, torch.Tensor) or planes.shape[1] != len(self.classes):
            raise SegmenterError(
                f"{self.name} does not answer with one plane a class, as HRNet with an FCN or OCR "
                "head does; use another config."
            )
        labels: NDArray[np.int64] = planes.argmax(1).cpu().numpy()
        return labels


def _name(config: str, checkpoint: str | None) -> str:
    """Return a name that works from any folder."""
    config = str(find_config(config)) if config.endswith(".py") else config
    if checkpoint is None:
        return f"mmseg:{config}"
    is_address = "://" in checkpoint
    return f"mmseg:{config}@{checkpoint if is_address else locate_checkpoint(config, checkpoint)}"


class _Normalisation:
    """The config's ``(pixel - mean) / std``, in its order of channels."""

    def __init__(self, config: Any) -> None:
        entries = config.model.get("data_preprocessor") or config.get("data_preprocessor") or {}
        self._mean = np.array(entries.get("mean") or (0, 0, 0), np.float32)
        self._std = np.array(entries.get("std") or (1, 1, 1), np.float32)
        self._takes_rgb = entries.get("bgr_to_rgb", False)  # mmsegmentation reads photos as BGR

    def __call__(self, photos: NDArray[np.uint8]) -> Any:
        """Turn photos uint8 (N, H, W, 3) RGB into a tensor float32 (N, 3, H, W)."""
        import torch

        ordered = photos if self._takes_rgb else photos[..., ::-1]
        scaled = (ordered.astype(np.float32) - self._mean) / self._std
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))


def locate_checkpoint(
    config: str, checkpoint: str | None = None, *, progress: Progress | None = None
) -> Path:
    """Return the file of a checkpoint, downloaded if it is an address or not given.

    Parameters and errors are those of :class:`MmsegSegmenter`.
    """
    if checkpoint is None:
        checkpoint = published(find_config(config))
        if checkpoint is None:
            raise CheckpointError(
                f"The model zoo publishes no checkpoint for {config}; name one, as in "
                "mmseg:CONFIG@FILE."
            )
    if checkpoint.startswith(("http://", "https://")):
        return fetch(checkpoint, progress=progress)
    return without_tilde(checkpoint).absolute()


def _class_table(meta: dict[str, Any], config: Any) -> ClassTable:
    """Return the class table of the checkpoint, else that of the config's data set.

    mmsegmentation 1.x stores ``meta["dataset_meta"]["classes"]``, 0.x ``meta["CLASSES"]``.
    """
    dataset = str(config.get("dataset_type", "custom"))
    for info in (meta.get("dataset_meta") or {}, meta, _metainfo(dataset)):
        lower = {str(key).lower(): value for key, value in info.items()}
        if lower.get("classes"):
            return _as_table(dataset, lower["classes"], lower.get("palette"))
    raise CheckpointError(
        f"Neither the checkpoint nor the config's data set {dataset!r} names the classes."
    )


def _metainfo(dataset: str) -> dict[str, Any]:
    from mmseg.registry import DATASETS

    return getattr(DATASETS.get(dataset), "METAINFO", {})


def _as_table(dataset: str, names: Sequence[str], palette: Any) -> ClassTable:
    """Return the built-in table with these names, else a new one named after the data set."""
    names = tuple(str(name).strip() for name in names)  # ADE20K has "bed " and "car "
    for builtin in map(ClassTable.builtin, builtin_tables()):
        if builtin.names == names:
            return builtin
    fits = palette is not None and len(palette) == len(names)
    try:
        return ClassTable(names, name=dataset, palette=palette if fits else None)
    except ClassTableError as error:
        raise CheckpointError(f"The checkpoint's classes are no class table: {error}") from error


def _test_side(config: Any) -> int:
    """Return the short side that the config resizes photos to for testing."""
    steps = config.get("test_pipeline") or []
    scales = [step["scale"] for step in steps if step.get("type") == "Resize" and "scale" in step]
    return min(max(min(scales[0]), 64), 1024) if scales else 512


def _set_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
