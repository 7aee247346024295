"""Photos and label maps in a device's memory, and batches of random views made there."""

from __future__ import annotations

import lzma
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional

CANVAS = 256
"""Side of the squares that hold photos in their upper left corner; label maps use half of it."""

VOID = 255
STRIDE = 4
ASPECT = 0.25
GRAY = 0.05
PASTED = (0.1, 0.45)


class Pack:
    """All photos of the files of scripts.pack_training, on one device.

    Parameters
    ----------
    files : sequence of Path
    device : torch.device
    """

    def __init__(self, files: Sequence[Path], device: Any) -> None:
        self.device = device
        loads = [dict(np.load(file)) for file in files]
        self.classes = [str(name) for name in loads[0]["classes"]]
        self.complete = sum(len(load["sizes"]) for load in loads) == int(loads[0]["total"])
        self.images = torch.cat([_images(load).to(device) for load in loads])
        self.labels = torch.cat([_planes(load, "labels", 1)[:, 0].to(device) for load in loads])
        self.learned = torch.cat([_learned(load).to(device) for load in loads])
        self.sizes = torch.from_numpy(np.concatenate([x["sizes"] for x in loads])).to(device)
        weight = torch.from_numpy(np.concatenate([load["weight"] for load in loads]))
        self.weight = weight.float().to(device)
        self.held = torch.nonzero(self.weight == 0).ravel()

    def draw(
        self, count: int, side: int, zoom: float, paste: float, random: torch.Generator
    ) -> tuple[Any, Any]:
        """Draw random views and their labels.

        Returns
        -------
        images : Tensor of float32, shape (B, 3, S, S)
            0..255.
        labels : Tensor of int64, shape (B, 3, S / 4, S / 4)
            First class, second class and 255 x the share of the first; without soft labels both
            classes are the label.
        """
        chosen = torch.multinomial(self.weight, count, replacement=True, generator=random)
        boxes = self._boxes(chosen, zoom, random)
        images, labels = self._cut(chosen, boxes, side, self.learned[chosen])
        images = _recolored(images, random)
        return _pasted(images, labels, paste, random)

    def squares(self, side: int) -> tuple[Any, Any]:
        """Cut the largest centred square of each held-out photo."""
        height, width = self.sizes[self.held].float().unbind(1)
        edge = torch.minimum(height, width)
        boxes = ((height - edge) / 2, (width - edge) / 2, edge, edge, torch.zeros_like(edge))
        images, labels = self._cut(self.held, boxes, side, self.labels[self.held, None])
        return images, labels[:, 0]

    def _boxes(self, chosen: Any, zoom: float, random: torch.Generator) -> tuple[Any, ...]:
        u = torch.rand(6, len(chosen), device=self.device, generator=random)
        height, width = self.sizes[chosen].float().unbind(1)
        window = torch.minimum(height, width) * torch.exp(-u[0] * math.log(zoom))
        aspect = torch.exp((2 * u[1] - 1) * ASPECT)
        h = torch.minimum(height, window / aspect)
        w = torch.minimum(width, window * aspect)
        return (height - h) * u[2], (width - w) * u[3], h, w, (u[4] < 0.5).float()

    def _cut(self, chosen: Any, boxes: tuple[Any, ...], side: int, labels: Any) -> tuple[Any, Any]:
        images = self.images[chosen].float()
        cut = functional.grid_sample(
            images, _grid(boxes, side), mode="bilinear", padding_mode="border", align_corners=False
        )
        found = functional.grid_sample(
            labels.float(), _grid(boxes, side // STRIDE), mode="nearest", align_corners=False
        )
        return cut, found.long()


def _grid(boxes: tuple[Any, ...], side: int) -> Any:
    """Return the places of the pixels of views of `side` in the canvas, as for grid_sample."""
    y, x, h, w, flip = (part[:, None] for part in boxes)
    steps = (torch.arange(side, device=y.device) + 0.5)[None] / side
    across = torch.where(flip > 0, 1 - steps, steps)
    rows = (y + h * steps) * 2 / CANVAS - 1
    columns = (x + w * across) * 2 / CANVAS - 1
    count = len(rows)
    grid = [columns[:, None].expand(count, side, side), rows[..., None].expand(count, side, side)]
    return torch.stack(grid, 3)


def _recolored(images: Any, random: torch.Generator) -> Any:
    """Change brightness, contrast, saturation and white balance; some become grey."""
    count, device = len(images), images.device
    u = torch.rand(count, 8, device=device, generator=random)
    gain = (0.7 + 0.65 * u[:, :1]) * (0.92 + 0.16 * u[:, 1:4])
    offset = -25 + 50 * u[:, 4]
    saturation = torch.where(u[:, 5] < GRAY, 0.0, 0.5 + u[:, 6])[:, None, None]
    mix = saturation * torch.eye(3, device=device) + (1 - saturation) / 3
    mixed = torch.einsum("bij,bjhw->bihw", gain[..., None] * mix, images)
    return (mixed + offset[:, None, None, None]).clamp(0, 255)


def _pasted(images: Any, labels: Any, share: float, random: torch.Generator) -> tuple[Any, Any]:
    """Paste a rectangle of the next view into a share of the views (CutMix)."""
    count, side = len(images), labels.shape[2]
    u = torch.rand(5, count, device=images.device, generator=random)
    area = PASTED[0] + (PASTED[1] - PASTED[0]) * u[0]
    aspect = torch.exp(u[1] - 0.5)
    h = (side * (area * aspect).sqrt()).round().clamp(1, side) * (u[4] < share)
    w = (side * (area / aspect).sqrt()).round().clamp(1, side)
    y, x = ((side - h) * u[2]).floor(), ((side - w) * u[3]).floor()
    at = torch.arange(side, device=images.device)[None]
    rows = (at >= y[:, None]) & (at < (y + h)[:, None])
    columns = (at >= x[:, None]) & (at < (x + w)[:, None])
    box = rows[:, :, None] & columns[:, None, :]
    large = box.repeat_interleave(STRIDE, 1).repeat_interleave(STRIDE, 2)[:, None]
    images = torch.where(large, images.roll(-1, 0), images)
    return images, torch.where(box[:, None], labels.roll(-1, 0), labels)


def _images(load: dict[str, Any]) -> Any:
    """Decode photos; the area to the right of and below each repeats its edge."""
    parts = np.split(load["photos"], load["ends"][:-1])
    canvas = np.empty((len(parts), CANVAS, CANVAS, 3), np.uint8)

    def decode(place: int) -> None:
        image = cv2.imdecode(parts[place], cv2.IMREAD_COLOR)
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        below, right = CANVAS - image.shape[0], CANVAS - image.shape[1]
        canvas[place] = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)

    with ThreadPoolExecutor() as pool:
        list(pool.map(decode, range(len(parts))))
    return torch.from_numpy(canvas).permute(0, 3, 1, 2).contiguous()


def _planes(load: dict[str, Any], key: str, count: int) -> Any:
    """Unpack label maps of `count` planes each: (N, count, 128, 128)."""
    sizes = (load["sizes"] + 1) // 2
    values = np.frombuffer(lzma.decompress(load[key].tobytes()), np.uint8)
    canvas = np.full((len(sizes), count, CANVAS // 2, CANVAS // 2), VOID, np.uint8)
    ends = count * sizes.prod(1).cumsum()
    for place, (part, size) in enumerate(zip(np.split(values, ends[:-1]), sizes, strict=True)):
        canvas[place, :, : size[0], : size[1]] = part.reshape(count, *size)
    return torch.from_numpy(canvas)


def _learned(load: dict[str, Any]) -> Any:
    """Return soft labels; where there are none, the labels with a share of 1."""
    if "soft" in load:
        return _planes(load, "soft", 3)
    labels = _planes(load, "labels", 1)
    return torch.cat([labels, labels, torch.full_like(labels, VOID)], 1)
