"""Held-out photos with the label maps of the teacher and of the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsig.distill.augment import resize_labels
from semsig.distill.measure import confusion_matrix
from semsig.distill.photos import PhotoStore
from semsig.segment.base import Segmenter
from semsig.types import LabelMap
from semsig.types.label_map import Image


@dataclass(frozen=True, slots=True)
class Sample:
    """A photo with both label maps; the teacher's has the photo's size, the other any size."""

    photo: Image
    teacher: LabelMap
    network: LabelMap

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Pixels by (teacher's class, network's class), shape (M, M), at the teacher's size."""
        height, width = self.teacher.shape
        predicted = resize_labels(self.network.labels, (width, height))
        return confusion_matrix(self.teacher.labels, predicted, self.teacher.classes)


def samples(network: Segmenter, store: PhotoStore, positions: Iterable[int]) -> Iterator[Sample]:
    """Segment the photos at these positions of the store, one at a time."""
    for position in positions:
        photo, labels = store[position]
        yield Sample(photo, LabelMap(labels, store.classes), network(photo))
