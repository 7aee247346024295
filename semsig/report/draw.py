"""Photos fitted to a size and covered with their label maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable, Color
from semsig.explain.words import spoken
from semsig.opencv import cv2
from semsig.types import Image, LabelMap, SbsSignature

_LEAST_SHARE = 0.005
_SHARES = np.array([0.0625, 0.375, 0.625, 0.875], np.float32)
"""Share of a block that levels 1 to 4 stand for, as in :mod:`semsig.explain.places`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """A class in a legend, its colour, and the share of the picture it fills, 0..1."""

    name: str
    color: Color
    share: float


def fit(image: Image, side: int) -> Image:
    """Return `image` with its longer side scaled to `side` pixels."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def enlarge(label_map: LabelMap, height: int, width: int) -> NDArray[np.integer]:
    """Return the labels at another size with smooth outlines, shape (height, width).

    Each class's mask is scaled and smoothed, and the strongest wins a pixel.
    """
    present = np.unique(label_map.labels)
    best = np.full((height, width), -np.inf, np.float32)
    labels = np.full((height, width), label_map.classes.void, label_map.labels.dtype)
    for label in present:
        mask = (label_map.labels == label).astype(np.float32)
        if height > 1.5 * label_map.shape[0]:
            mask = cv2.GaussianBlur(mask, (5, 5), 0.8)
        strength = cv2.resize(mask, (width, height), interpolation=cv2.INTER_CUBIC)
        wins = strength > best
        best[wins] = strength[wins]
        labels[wins] = label
    return labels


def overlay(image: Image, label_map: LabelMap, opacity: float = 0.6) -> Image:
    """Return `image` tinted with the colours of its classes, with light lines between them."""
    return tint(image, enlarge(label_map, *image.shape[:2]), label_map.classes, opacity)


def overlay_signature(image: Image, signature: SbsSignature, opacity: float = 0.6) -> Image:
    """Return `image` tinted with the classes of its signature, with the outlines of its blocks.

    Each class's shares of the blocks are scaled to the image, and the largest wins a pixel.
    """
    height, width = image.shape[:2]
    schema = signature.schema
    side = 2**schema.levels
    best = np.zeros((height, width), np.float32)
    labels = np.full((height, width), schema.classes.void, schema.classes.dtype)
    for label in np.unique(signature.labels):
        mine = signature.labels == label
        grid = np.zeros((side, side), np.float32)
        grid.flat[signature.blocks[mine]] = _SHARES[signature.proportions[mine] - 1]
        strength = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
        wins = strength > best
        best[wins] = strength[wins]
        labels[wins] = label
    return tint(image, labels, schema.classes, opacity)


def tint(
    image: Image, labels: NDArray[np.integer], classes: ClassTable, opacity: float = 0.6
) -> Image:
    """Return `image` tinted by labels of its size, with light lines between the classes."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    paler = cv2.addWeighted(image, 0.5, grey, 0.5, 0)
    colours = classes.colors((96, 96, 96))[labels]
    covered = np.asarray(cv2.addWeighted(paler, 1 - opacity, colours, opacity, 0), np.uint8)
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    covered[edge] = covered[edge] // 4 + 191
    return covered


def legend(*label_maps: LabelMap, limit: int = 14) -> list[LegendEntry]:
    """Return the classes of the maps together, the largest first; specks are left out."""
    classes = label_maps[0].classes
    counts = np.zeros(classes.void + 1)
    for label_map in label_maps:
        counts += (
            np.bincount(label_map.labels.ravel(), minlength=len(counts))
            / len(label_maps)
            / (label_map.labels.size)
        )
    shares = counts[: len(classes)]
    order = np.argsort(-shares, kind="stable")[:limit]
    return [
        LegendEntry(name=spoken(classes.names[c]), color=classes.palette[c], share=float(shares[c]))
        for c in order
        if shares[c] >= _LEAST_SHARE
    ]
