"""A mentor: an ONNX network that another one learns from, in addition to labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from semsig.classes import ClassTable
from semsig.errors import CheckpointError
from semsig.segment.onnx import run_session, start_session

CLASSES = "classes"
"""Key in the ONNX file's metadata that holds its classes, one name per line."""

FARTHEST = 6.0
"""Limit at which standardised feature maps are clipped, in standard deviations."""


class Mentor(torch.nn.Module):  # type: ignore[misc]
    """Soft targets and hints for crops, and the layers that predict the hints.

    The mentor's class probabilities are targets in addition to the labels (Hinton et al. 2015,
    "Distilling the knowledge in a neural network"). Its feature maps are hints (Romero et al. 2015,
    "FitNets"): a 1 x 1 convolution of the learner's last feature map, averaged down to their size,
    learns to predict them, with each channel standardised over the batch.

    Parameters
    ----------
    path : Path
        ONNX file with input ``photos`` uint8 (N, H, W, 3) RGB, H and W multiples of 32; first
        output ``scores`` float32 (N, M, h, w), logits; any further output is a feature map
        float32 (N, C, h, w). Its metadata holds the names of its classes.
    classes : ClassTable
        The learner's M classes.
    channels : int
        Channels of the learner's last feature map.
    threads : int
        Threads that the network may use.

    Raises
    ------
    CheckpointError
        If the file is not such a network, or has other classes.
    """

    def __init__(self, path: Path, classes: ClassTable, channels: int, threads: int) -> None:
        super().__init__()
        self._session = start_session(path, threads, "scores")
        _require_classes(self._session.get_modelmeta().custom_metadata_map, path, classes)
        sizes = [output.shape[1] for output in self._session.get_outputs()]
        _require_sizes(sizes, path, classes)
        self._predict = torch.nn.ModuleList(torch.nn.Conv2d(channels, s, 1) for s in sizes[1:])

    def forward(self, scores: Any, features: Any, images: NDArray[np.uint8]) -> tuple[Any, Any]:
        """Compare a learner with the mentor on crops.

        Parameters
        ----------
        scores : Tensor of float32, shape (B, M, S / 4, S / 4)
            The learner's logits.
        features : Tensor of float32, shape (B, C, S / 4, S / 4)
            The feature map they were made from.
        images : ndarray of uint8, shape (B, S, S, 3)
            The crops.

        Returns
        -------
        soft, hints : Tensor of float32, shape ()
            Mean cross-entropy with the mentor's probabilities; mean squared error of the
            predicted feature maps, 0 if the mentor returns none.

        Raises
        ------
        SegmenterError
            If the mentor fails.
        """
        answers = run_session(self._session, "The mentor", None, images)
        likely, *maps = (torch.from_numpy(answer).to(scores.device) for answer in answers)
        targets = resized(likely, scores.shape[2:]).softmax(1)
        pixels = targets[:, 0].numel()
        soft = functional.cross_entropy(scores, targets, reduction="sum") / pixels
        return soft, self._hints(features.float(), maps)

    def _hints(self, features: Any, maps: list[Any]) -> Any:
        errors = [features.new_zeros(())]
        for hint, predict in zip(maps, self._predict, strict=True):
            near = functional.adaptive_avg_pool2d(features, hint.shape[2:])
            wanted = functional.batch_norm(hint, None, None, training=True)
            wanted = wanted.clamp(-FARTHEST, FARTHEST)
            errors.append(functional.mse_loss(predict(near), wanted))
        return torch.stack(errors).sum() / max(len(maps), 1)


def resized(maps: Any, size: Any) -> Any:
    """Resize maps (N, C, h, w) to another (height, width), bilinearly."""
    return functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _require_classes(metadata: dict[str, str], path: Path, classes: ClassTable) -> None:
    found = metadata.get(CLASSES, "").splitlines()
    if found != list(classes.names):
        raise CheckpointError(
            f"{path} names {len(found)} classes in its metadata ({', '.join(found[:3])}); the "
            f"labels have {len(classes)} ({', '.join(classes.names[:3])}): the mentor must know "
            "the same in the same order."
        )


def _require_sizes(sizes: list[object], path: Path, classes: ClassTable) -> None:
    if sizes[0] != len(classes) or not all(isinstance(size, int) for size in sizes):
        raise CheckpointError(
            f"{path} has outputs of {sizes} channels; expected fixed numbers, and scores of "
            f"{len(classes)} classes first."
        )
