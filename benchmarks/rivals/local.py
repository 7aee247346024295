"""Local descriptors by OpenCV, and vectors made of them: bags, residuals and gradients."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from semsig.types import Image

Descriptors = NDArray[np.float32]
"""Shape (n, d): one row per keypoint, the strongest first."""

SAMPLE = 60_000
"""Descriptors that vocabularies are learned from."""


def sift(image: Image, most: int = 500) -> Descriptors:
    """Return the RootSIFT descriptors (Arandjelovic and Zisserman 2012) of the strongest points.

    Shape (n, 128): SIFT divided by its sum, then square roots.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    _, found = cv2.SIFT_create(nfeatures=most).detectAndCompute(grey, None)
    if found is None:
        return np.zeros((0, 128), np.float32)
    return np.sqrt(found / np.maximum(found.sum(1, keepdims=True), 1)).astype(np.float32)[:most]


def sample(descriptors: Sequence[Descriptors], most: int = SAMPLE) -> Descriptors:
    """Draw rows from many photos' descriptors, the same ones every time."""
    rows = np.concatenate(descriptors)
    drawn = np.random.default_rng(0).permutation(len(rows))[:most]
    return rows[drawn]


def learn_words(rows: Descriptors, count: int) -> Descriptors:
    """Return `count` visual words, (count, d), by k-means; no more than there are rows."""
    means = MiniBatchKMeans(min(count, len(rows)), n_init=1, batch_size=4096, random_state=0).fit(
        rows
    )
    return np.asarray(means.cluster_centers_, np.float32)


def assign(descriptors: Descriptors, words: Descriptors) -> NDArray[np.int64]:
    """Return the nearest word of each descriptor."""
    return np.asarray((descriptors @ words.T - (words**2).sum(1) / 2).argmax(1), np.int64)


class Encoder(Protocol):
    """A photo's descriptors to one vector."""

    @classmethod
    def learn(cls, rows: Descriptors) -> Self:
        """Learn from descriptors of other photos."""
        ...

    def __call__(self, descriptors: Descriptors) -> NDArray[np.float32]:
        """Return the vector, of length 1 unless the photo has no descriptor."""
        ...


@dataclass(frozen=True)
class BagOfWords:
    """Bag of visual words (Csurka et al. 2004): how often each word occurs."""

    words: Descriptors

    @classmethod
    def learn(cls, rows: Descriptors) -> BagOfWords:
        """Learn 500 words."""
        return cls(learn_words(rows, 500))

    def __call__(self, descriptors: Descriptors) -> NDArray[np.float32]:
        """Count words."""
        return unit(np.bincount(assign(descriptors, self.words), minlength=len(self.words)))


@dataclass(frozen=True)
class BagOfNeighbours:
    """Bag of n words (Ouni et al. 2018): a descriptor votes for its n nearest words."""

    words: Descriptors
    n: int = 5

    @classmethod
    def learn(cls, rows: Descriptors) -> BagOfNeighbours:
        """Learn 500 words."""
        return cls(learn_words(rows, 500))

    def __call__(self, descriptors: Descriptors) -> NDArray[np.float32]:
        """Count the n nearest words of each descriptor."""
        near = descriptors @ self.words.T - (self.words**2).sum(1) / 2
        voted = np.argpartition(-near, self.n, axis=1)[:, : self.n]
        return unit(np.bincount(voted.reshape(-1), minlength=len(self.words)))


@dataclass(frozen=True)
class Bigrams:
    """N-grams of words (Pedrosa and Traina 2013), n = 2: pairs of words close in descriptor space.

    Each keypoint and its nearest neighbour by descriptor make a pair; pairs are unordered.
    """

    words: Descriptors

    @classmethod
    def learn(cls, rows: Descriptors) -> Bigrams:
        """Learn 50 words: 1,275 pairs."""
        return cls(learn_words(rows, 50))

    def __call__(self, descriptors: Descriptors) -> NDArray[np.float32]:
        """Count pairs."""
        count = len(self.words)
        if len(descriptors) < 2:
            return np.zeros(count * count, np.float32)
        near = descriptors @ descriptors.T - (descriptors**2).sum(1) / 2
        np.fill_diagonal(near, -np.inf)
        own = assign(descriptors, self.words)
        pairs = np.sort([own, own[near.argmax(1)]], axis=0)
        return unit(np.bincount(pairs[0] * count + pairs[1], minlength=count * count))


@dataclass(frozen=True)
class Vlad:
    """Vectors of locally aggregated descriptors (Jegou et al. 2010): residuals to 64 words."""

    words: Descriptors

    @classmethod
    def learn(cls, rows: Descriptors) -> Vlad:
        """Learn 64 words."""
        return cls(learn_words(rows, 64))

    def __call__(self, descriptors: Descriptors) -> NDArray[np.float32]:
        """Sum residuals by word; signed square roots, then length 1."""
        sums = np.zeros_like(self.words)
        nearest = assign(descriptors, self.words)
        np.add.at(sums, nearest, descriptors - self.words[nearest])
        return unit(np.sign(sums) * np.sqrt(np.abs(sums)))


@dataclass(frozen=True)
class Fisher:
    """Improved Fisher vectors (Perronnin et al. 2010) of 32 Gaussians over 32 dimensions."""

    axes: PCA
    mixture: GaussianMixture

    @classmethod
    def learn(cls, rows: Descriptors) -> Fisher:
        """Learn axes and Gaussians of diagonal covariance."""
        axes = PCA(32, random_state=0).fit(rows)
        mixture = GaussianMixture(32, covariance_type="diag", max_iter=30, random_state=0)
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            return cls(axes, mixture.fit(axes.transform(rows)))

    def __call__(self, descriptors: Descriptors) -> NDArray[np.float32]:
        """Gradients by means and deviations; signed square roots, then length 1."""
        mixture, n = self.mixture, max(1, len(descriptors))
        if not len(descriptors):
            return np.zeros(2 * mixture.means_.size, np.float32)
        rows = self.axes.transform(descriptors)
        shares = mixture.predict_proba(rows)
        weights, means = mixture.weights_[:, None], mixture.means_
        spread = np.sqrt(mixture.covariances_)
        total = shares.sum(0)[:, None]
        first = (shares.T @ rows - total * means) / spread / np.sqrt(weights)
        squares = shares.T @ rows**2 - 2 * means * (shares.T @ rows) + total * means**2
        second = (squares / spread**2 - total) / np.sqrt(2 * weights)
        gradient = np.concatenate([first.reshape(-1), second.reshape(-1)]) / n
        return unit(np.sign(gradient) * np.sqrt(np.abs(gradient)))


def unit(vector: NDArray[np.generic]) -> NDArray[np.float32]:
    """Flatten and scale to length 1; zeros stay."""
    flat = np.asarray(vector, np.float32).reshape(-1)
    return flat / max(float(np.linalg.norm(flat)), 1e-12)


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row to length 1; zeros stay."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
