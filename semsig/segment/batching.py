"""What all networks share: input sizes, resizing, and batches of photos of one size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.errors import SegmenterError
from semsig.opencv import cv2
from semsig.types import Image, LabelMap

STRIDE = 32
"""Input sides are multiples of this: an HRNet halves its input five times, and 2 ** 5 = 32."""

MAX_ASPECT = 4.0
"""Photos of a larger aspect ratio are squeezed to this one before they are segmented."""

Run = Callable[[NDArray[np.uint8]], NDArray[np.integer]]
"""Photos uint8 (N, H, W, 3) RGB to labels (N, h, w)."""


class BatchedNetwork(ABC):
    """Base class of networks as segmenters: photos of any sizes in, their label maps out.

    Attributes
    ----------
    classes : ClassTable
        The table of every label map.
    short_side : int
        Pixels that photos' short side is resized to.
    """

    classes: ClassTable
    short_side: int
    _batch_size: int

    @abstractmethod
    def _run(self, photos: NDArray[np.uint8]) -> NDArray[np.integer]:
        """Photos uint8 (N, H, W, 3) RGB to labels (N, h, w)."""

    def __call__(self, image: Image) -> LabelMap:
        """Segment one photo, shape (H, W, 3) uint8 RGB, at the scale of the network's output.

        Raises
        ------
        SegmenterError
            If the photo is not such an array, or the network fails.
        """
        return self.batch([image])[0]

    def batch(self, images: Sequence[Image]) -> list[LabelMap]:
        """Segment many photos of any sizes; the maps are in the order of the photos."""
        return segment_batch(
            images,
            self._run,
            self.classes,
            short_side=self.short_side,
            batch_size=self._batch_size,
        )


def segment_batch(
    images: Sequence[Image],
    run: Run,
    classes: ClassTable,
    *,
    short_side: int,
    batch_size: int,
) -> list[LabelMap]:
    """Segment photos of any sizes; those of one input size go through `run` together.

    Parameters
    ----------
    images : sequence of ndarray of uint8, shape (H, W, 3)
        RGB photos.
    run : callable
        The network.
    classes : ClassTable
        The table of its labels.
    short_side : int
        Pixels that the photos' short side is resized to.
    batch_size : int
        Largest number of photos in one call of `run`.

    Returns
    -------
    list of LabelMap
        In the photos' order.

    Raises
    ------
    SegmenterError
        If a photo is not such an array.
    """
    answers = run_together(
        images, lambda photos: (run(photos),), short_side=short_side, batch_size=batch_size
    )
    return [LabelMap(labels, classes) for (labels,) in answers]


def run_together(
    images: Sequence[Image],
    run: Callable[[NDArray[np.uint8]], Sequence[NDArray[Any]]],
    *,
    short_side: int,
    batch_size: int,
) -> list[tuple[NDArray[Any], ...]]:
    """Run photos of any sizes through a network; those of one input size go together.

    Parameters are those of :func:`segment_batch`, except that `run` may have several outputs,
    each of N rows. Returns each photo's row of each output, in the order of the photos.
    """
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for position, image in enumerate(images):
        groups[network_size(image_shape(image), short_side)].append(position)
    found: dict[int, tuple[NDArray[Any], ...]] = {}
    for size, positions in groups.items():
        for start in range(0, len(positions), batch_size):
            together = positions[start : start + batch_size]
            outputs = run(np.stack([resize(images[i], size) for i in together]))
            found |= dict(zip(together, zip(*outputs, strict=True), strict=True))
    return [found[position] for position in range(len(images))]


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


def resize(image: Image, size: tuple[int, int]) -> Image:
    """Resize to (height, width): averaging where the photo shrinks, bilinear where it grows."""
    height, width = size
    shrinks = image.shape[0] * image.shape[1] > height * width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8)


def image_shape(image: Image) -> tuple[int, int]:
    """Return (H, W) of a photo; SegmenterError if it is not uint8 of shape (H, W, 3)."""
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise SegmenterError(
            f"Expected a photo, RGB uint8 of shape (H, W, 3), got {array.dtype} {array.shape}."
        )
    return array.shape[0], array.shape[1]
