"""Segmentation by ONNX Runtime: the embedded network, and others exported the same way."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.errors import CheckpointError, OptionError, SegmenterError
from semsig.segment.card import NetworkCard, sha256_of
from semsig.types import Image, LabelMap

EMBEDDED = Path(__file__).parent / "weights" / "semsig54.onnx"
"""The network that the package carries."""

STRIDE = 32
"""Network sides are multiples of this: an HRNet halves its input five times."""

MAX_ASPECT = 4.0
"""Longer photos are squeezed to this ratio of the sides before they are segmented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxOptions:
    """How the network is run.

    Parameters
    ----------
    short_side : int, optional
        Pixels that a photo's short side is resized to, 64 to 1024; what the network was
        measured at by default. Larger sees smaller things and costs its square.
    threads : int, optional
        Threads within one run, 1 to 1024; all cores by default.
    batch_size : int
        Most photos in one run, 1 to 256.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    short_side: int | None = None
    threads: int | None = None
    batch_size: int = 8

    def __post_init__(self) -> None:
        ranges = {"short_side": (64, 1024), "threads": (1, 1024), "batch_size": (1, 256)}
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise OptionError(f"{name} must be {low} to {high}; {value} came.")


class OnnxSegmenter:
    """A network file run on the CPU by ONNX Runtime.

    Parameters
    ----------
    path : Path
        ONNX file as :func:`semsig.segment.export.export_network` writes it, its card beside it.
    options : OnnxOptions, optional
        How to run it.
    name : str, optional
        What loads it again; ``onnx:PATH`` by default.

    Raises
    ------
    CheckpointError
        If the file or its card is missing, differs from the card's SHA-256, or is no such graph.
    """

    def __init__(
        self, path: Path, options: OnnxOptions | None = None, *, name: str | None = None
    ) -> None:
        options = options or OnnxOptions()
        card = NetworkCard.read(path)
        _check_hash(path, card)
        self._session = _start(path, options.threads or os.cpu_count() or 1)
        self._batch_size = options.batch_size
        self._sha256 = card.sha256
        self._base_name = name or f"onnx:{path}"
        self._default_side = card.short_side
        self.card = card
        self.short_side = options.short_side or card.short_side

    @property
    def classes(self) -> ClassTable:
        """The table of every label map it returns."""
        return self.card.classes

    @property
    def name(self) -> str:
        """What :func:`semsig.load_segmenter` takes to load it again."""
        own_side = self.short_side == self._default_side
        return self._base_name if own_side else f"{self._base_name}@{self.short_side}"

    @property
    def fingerprint(self) -> str:
        """Changes with the weights, the class table and the input size."""
        return f"onnx {self._sha256} side {self.short_side} classes {self.classes.fingerprint}"

    def __call__(self, image: Image) -> LabelMap:
        """Segment one photo, shape (H, W, 3) uint8 RGB, at a quarter of the network's size.

        Raises
        ------
        SegmenterError
            If the photo is not such an array or the network fails.
        """
        return self.batch([image])[0]

    def batch(self, images: Sequence[Image]) -> list[LabelMap]:
        """Segment many photos, of any sizes; those of one network size run together."""
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for position, image in enumerate(images):
            groups[network_size(_shape(image), self.short_side)].append(position)
        maps: dict[int, LabelMap] = {}
        for size, positions in groups.items():
            for start in range(0, len(positions), self._batch_size):
                run = positions[start : start + self._batch_size]
                labels = self._run(np.stack([_resize(images[i], size) for i in run]))
                maps |= {i: LabelMap(one, self.classes) for i, one in zip(run, labels, strict=True)}
        return [maps[position] for position in range(len(images))]

    def _run(self, photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
        try:
            labels: NDArray[np.uint8] = self._session.run(["labels"], {"photos": photos})[0]
        except Exception as error:  # the runtime's own exception types share no base
            raise SegmenterError(f"{self.name} failed on {photos.shape}: {error}") from error
        return labels


def embedded(options: OnnxOptions | None = None) -> OnnxSegmenter:
    """Return the network that the package carries."""
    return OnnxSegmenter(EMBEDDED, options, name="embedded")


def network_size(shape: tuple[int, int], short_side: int) -> tuple[int, int]:
    """Return the (height, width) that a photo of `shape` (H, W) is resized to.

    The short side becomes `short_side`, the aspect ratio is kept up to :data:`MAX_ASPECT`, both
    are rounded to multiples of :data:`STRIDE`.

    Examples
    --------
    >>> network_size((256, 384), 192)
    (192, 288)
    >>> network_size((1, 10_000), 192)
    (192, 768)
    """
    shortest = min(shape)
    height, width = (
        STRIDE * max(1, round(short_side * min(side / shortest, MAX_ASPECT) / STRIDE))
        for side in shape
    )
    return height, width


def _shape(image: Image) -> tuple[int, int]:
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise SegmenterError(
            f"Expected a photo, RGB uint8 of shape (H, W, 3); {array.dtype} {array.shape} came."
        )
    return array.shape[0], array.shape[1]


def _resize(image: Image, size: tuple[int, int]) -> Image:
    """Resize to (height, width): averaging where the photo shrinks, bilinear where it grows."""
    height, width = size
    shrinks = image.shape[0] * image.shape[1] > height * width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized: Image = cv2.resize(image, (width, height), interpolation=how)  # type: ignore[assignment]
    return resized


def _check_hash(path: Path, card: NetworkCard) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if found != card.sha256:
        raise CheckpointError(
            f"{path} has SHA-256 {found[:16]}..., its card says {card.sha256[:16]}...: "
            "the file is damaged or replaced; export or install it again."
        )


def _start(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    onnxruntime.disable_telemetry_events()
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exception types share no base
        raise CheckpointError(f"{path} is no network that can be run: {error}") from error
    names = [node.name for node in (*session.get_inputs(), *session.get_outputs())]
    if names != ["photos", "labels"]:
        raise CheckpointError(
            f"{path} has {names}; expected one input 'photos' and one output 'labels', as "
            "semsig.segment.export writes."
        )
    return session
