"""Agreement of predicted labels with the teacher's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """A confusion matrix and the figures computed from it.

    Parameters
    ----------
    confusion : ndarray of int64, shape (M, M)
        Number of pixels by (teacher's class, predicted class); void pixels are not counted.
    """

    confusion: NDArray[np.int64]

    @property
    def pixels(self) -> float:
        """Share of pixels with the teacher's class; 0 if there are no pixels."""
        return float(np.trace(self.confusion) / max(self.confusion.sum(), 1))

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which classes the teacher gave to at least one pixel, shape (M,)."""
        return np.asarray(self.confusion.sum(1) > 0)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union per class, shape (M,); 0 where the union is empty."""
        hit = np.diag(self.confusion)
        union = self.confusion.sum(0) + self.confusion.sum(1) - hit
        return np.asarray(hit / np.maximum(union, 1))

    @property
    def miou(self) -> float:
        """Mean intersection over union of the classes present; 0 if there are none."""
        return float(self.iou[self.present].mean()) if self.present.any() else 0.0


def confusion_matrix(teacher: Labels, predicted: Labels, classes: ClassTable) -> NDArray[np.int64]:
    """Count pixels by (teacher's class, predicted class), without those void on either side.

    Parameters
    ----------
    teacher, predicted : ndarray of int
        Labels of the same shape.
    classes : ClassTable
        The table of M classes.

    Returns
    -------
    ndarray of int64, shape (M, M)
    """
    m = len(classes)
    known = (teacher < m) & (predicted < m)
    pairs = teacher[known].astype(np.int64) * m + predicted[known]
    return np.bincount(pairs, minlength=m * m).reshape(m, m)
