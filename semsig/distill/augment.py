"""Training crops: random scale, aspect, position, mirroring and colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.opencv import cv2
from semsig.types.label_map import Image

Labels = NDArray[np.uint8] | NDArray[np.uint16]

STRIDE = 4
"""HRNet's output is at 1/4 of the input's scale, so labels are reduced by this factor."""

ASPECT = 0.18
PASTED = (0.1, 0.45)
GRAY = 0.03


def random_view(
    image: Image, labels: Labels, side: int, zoom: float, rng: np.random.Generator
) -> tuple[Image, Labels]:
    """Cut one random crop, flip and recolour it.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
    labels : ndarray of uint8 or uint16, shape (H, W)
    side : int
        Side of the crop in pixels, a multiple of 4.
    zoom : float
        Magnification is log-uniform in 1..zoom, relative to the scale at which the short side is
        `side`.
    rng : numpy.random.Generator

    Returns
    -------
    image : ndarray of uint8, shape (side, side, 3)
    labels : ndarray, shape (side / 4, side / 4)
        The label at the centre of each block of 4 x 4 pixels.
    """
    height, width = labels.shape
    window = min(height, width) / np.exp(rng.uniform(0, np.log(zoom)))
    aspect = np.exp(rng.uniform(-ASPECT, ASPECT))
    h = min(height, max(1, round(window / aspect)))
    w = min(width, max(1, round(window * aspect)))
    y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    crop, target = _resize(image[y : y + h, x : x + w], labels[y : y + h, x : x + w], side)
    if rng.random() < 0.5:
        crop, target = crop[:, ::-1], target[:, ::-1]
    return recolor(crop, rng), target


def paste_others(
    images: NDArray[np.uint8], labels: NDArray[Any], share: float, rng: np.random.Generator
) -> None:
    """Paste a rectangle of the next crop into some crops, in place (Yun et al. 2019, "CutMix").

    Parameters
    ----------
    images : ndarray of uint8, shape (B, S, S, 3)
    labels : ndarray of integers, shape (B, S / 4, S / 4)
    share : float
        Probability that a crop gets one, of 10 to 45 % of its area.
    rng : numpy.random.Generator
    """
    others, meant, side = images.copy(), labels.copy(), labels.shape[1]
    for i in range(len(images)):
        if rng.random() < share:
            rows, columns = _random_box(side, rng)
            other = (i + 1) % len(images)
            labels[i, rows, columns] = meant[other, rows, columns]
            rows, columns = _in_pixels(rows), _in_pixels(columns)
            images[i, rows, columns] = others[other, rows, columns]


def _random_box(side: int, rng: np.random.Generator) -> tuple[slice, slice]:
    area, aspect = rng.uniform(*PASTED), np.exp(rng.uniform(-0.5, 0.5))
    h = min(side, max(1, round(side * np.sqrt(area * aspect))))
    w = min(side, max(1, round(side * np.sqrt(area / aspect))))
    y, x = rng.integers(0, side - h + 1), rng.integers(0, side - w + 1)
    return slice(y, y + h), slice(x, x + w)


def _in_pixels(labels: slice) -> slice:
    return slice(labels.start * STRIDE, labels.stop * STRIDE)


def center_view(image: Image, labels: Labels, side: int) -> tuple[Image, Labels]:
    """Cut the largest centred square, colours unchanged; shapes as in :func:`random_view`."""
    height, width = labels.shape
    edge = min(height, width)
    y, x = (height - edge) // 2, (width - edge) // 2
    window = slice(y, y + edge), slice(x, x + edge)
    return _resize(image[window], labels[window], side)


def recolor(image: Image, rng: np.random.Generator) -> Image:
    """Change brightness, contrast, saturation and white balance; 3 % of the crops become grey.

    Returns
    -------
    ndarray of uint8
        Same shape.
    """
    gain = rng.uniform(0.75, 1.3) * rng.uniform(0.93, 1.07, 3)
    offset = rng.uniform(-20, 20)
    saturation = rng.uniform(0.6, 1.4) if rng.random() >= GRAY else 0.0
    mix = saturation * np.eye(3) + (1 - saturation) / 3
    matrix = np.column_stack([gain[:, None] * mix, np.full(3, offset)])
    return np.asarray(cv2.transform(np.ascontiguousarray(image), matrix), np.uint8)


def _resize(image: Image, labels: Labels, side: int) -> tuple[Image, Labels]:
    method = cv2.INTER_LINEAR if side > min(labels.shape) else cv2.INTER_AREA
    resized = cv2.resize(image, (side, side), interpolation=method)
    return np.asarray(resized, np.uint8), resize_labels(labels, (side // STRIDE, side // STRIDE))


def resize_labels(labels: Labels, size: tuple[int, int]) -> Labels:
    """Resize a label map to (width, height) by the nearest pixel centre."""
    resized = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    if labels.dtype == np.uint8:
        return np.asarray(resized, np.uint8)
    return np.asarray(resized, np.uint16)
