"""Photos fitted to a size and covered with their label maps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from semsig.classes import Color
from semsig.explain.words import spoken
from semsig.types import Image, LabelMap

_LEAST_SHARE = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """A class that is to be seen, its colour, and the share of the picture it fills, 0..1."""

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
    blur = 0.6 * max(height / label_map.shape[0], width / label_map.shape[1])
    present = np.unique(label_map.labels)
    best = np.full((height, width), -1.0, np.float32)
    labels = np.full((height, width), label_map.classes.void, label_map.labels.dtype)
    for label in present:
        mask = (label_map.labels == label).astype(np.float32)
        strength = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
        if blur > 1:
            strength = cv2.GaussianBlur(strength, (0, 0), blur)
        wins = strength > best
        best[wins] = strength[wins]
        labels[wins] = label
    return labels


def overlay(image: Image, label_map: LabelMap, opacity: float = 0.6) -> Image:
    """Return `image` tinted with the colours of its classes, with light lines between them."""
    labels = enlarge(label_map, *image.shape[:2])
    grey = image.mean(2, keepdims=True)
    base = 0.5 * image + 0.5 * grey
    tint = label_map.classes.colors((96, 96, 96))[labels]
    mixed = (1 - opacity) * base + opacity * tint
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    mixed[edge] = 0.25 * mixed[edge] + 0.75 * 255
    covered: Image = np.rint(mixed).astype(np.uint8)
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
