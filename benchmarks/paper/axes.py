"""Axes along which categories differ most, learned from training photos' pooled features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.rivals.local import unit_rows

SHIPPED = Path(__file__).with_name("axes.npz")


@dataclass(frozen=True, slots=True)
class Axes:
    """Linear discriminant analysis: pooled features to fewer, more telling values.

    The axes that part the means of categories best once the spread within categories is
    whitened (Rao 1948; Fukunaga, Introduction to Statistical Pattern Recognition, ch. 10), the
    spread regularised by `shrink` times its mean variance.

    Parameters
    ----------
    mean : ndarray of float32, shape (D,)
        What is subtracted first.
    axes : ndarray of float32, shape (D, K)
        The axes, the most telling first.
    network : str
        Fingerprint of the network whose features they are for.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    network: str

    @classmethod
    def learn(
        cls, rows: NDArray[np.float32], labels: NDArray[np.int64], network: str, *, shrink: float
    ) -> Axes:
        """Learn from the :func:`joined` features (N, D) of photos and their categories (N,)."""
        rows = rows.astype(np.float64)
        mean = rows.mean(0)
        categories, members = np.unique(labels, return_inverse=True)
        means = np.stack([rows[members == label].mean(0) for label in range(len(categories))])
        variances, vectors = np.linalg.eigh(np.cov((rows - means[members]).T))
        spread = np.maximum(variances, 0) + shrink * variances.mean()
        white = vectors / np.sqrt(spread)
        _, _, directions = np.linalg.svd((means - mean) @ white, full_matrices=False)
        axes = white @ directions[: len(categories) - 1].T
        return cls(mean.astype(np.float32), axes.astype(np.float32), network)

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a row of length 1 a photo, (N, K), from its :func:`joined` features (N, D)."""
        return unit_rows((rows - self.mean) @ self.axes)

    @classmethod
    def read(cls, path: Path = SHIPPED) -> Axes:
        """Return what :meth:`write` wrote."""
        with np.load(path, allow_pickle=False) as found:
            axes = found["axes"].astype(np.float32)
            return cls(found["mean"].astype(np.float32), axes, str(found["network"]))

    def write(self, path: Path = SHIPPED) -> None:
        """Keep half precision: more makes no difference."""
        half = self.mean.astype(np.float16), self.axes.astype(np.float16)
        np.savez_compressed(path, mean=half[0], axes=half[1], network=np.array(self.network))


def joined(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put average, maximum and GeM (N, 3, C) beside each other, each of length 1: (N, 3 C)."""
    n, pools, size = features.shape
    return unit_rows(features.reshape(n * pools, size)).reshape(n, pools * size)
