"""Batches of crops; batch k depends only on the seed and k, so a run can be resumed exactly."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsig.distill.augment import paste_others, random_view
from semsig.distill.options import DistillOptions
from semsig.distill.photos import PhotoStore


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops and their labels.

    Parameters
    ----------
    images : ndarray of uint8, shape (B, S, S, 3)
    labels : ndarray of int64, shape (B, S / 4, S / 4)
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @property
    def side(self) -> int:
        """Side S of the crops, pixels."""
        return int(self.images.shape[1])


@dataclass(frozen=True, slots=True)
class BatchMaker:
    """Draws photos by weight, and cuts a crop from each.

    Parameters
    ----------
    store : PhotoStore
    train : ndarray of int64, shape (N,)
        Positions of the photos that may be drawn.
    weights : ndarray of float64, shape (N,)
        Probability of drawing each.
    options : DistillOptions
    """

    store: PhotoStore
    train: NDArray[np.int64]
    weights: NDArray[np.float64]
    options: DistillOptions

    def __call__(self, step: int, side: int) -> Batch:
        """Make the batch of `step`, crops of `side` pixels."""
        rng = np.random.default_rng([self.options.seed, step])
        drawn = rng.choice(self.train, self.options.batch_size, p=self.weights)
        views = [random_view(*self.store[int(i)], side, self.options.zoom, rng) for i in drawn]
        images = np.stack([image for image, _ in views])
        labels = np.stack([labels for _, labels in views]).astype(np.int64)
        if self.options.paste:
            paste_others(images, labels, self.options.paste, rng)
        return Batch(images, labels)


def ahead(
    make: Callable[[int, int], Batch], first: int, side_of: Callable[[int], int], workers: int
) -> Iterator[Batch]:
    """Yield the batches of steps `first`, `first` + 1, ..., made ahead by `workers` threads.

    `side_of` gives a step's resolution; it is called when the step's batch is made.
    """
    step = first
    if workers == 0:
        while True:
            yield make(step, side_of(step))
            step += 1
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="semsig-crops") as pool:
        while True:
            while len(waiting) <= workers:
                waiting.append(pool.submit(make, step, side_of(step)))
                step += 1
            yield waiting.popleft().result()
