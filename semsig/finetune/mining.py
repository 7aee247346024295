"""Find groups of photos of the same thing without labels: VLAD retrieval, verified by geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.errors import ImageError, OptionError
from semsig.explain.geometry import GeometryOptions, LocalFeatures, local_features, match
from semsig.parallel import ordered_map, usable_cores
from semsig.photo.image_files import read_image


@dataclass(frozen=True, slots=True, kw_only=True)
class MiningOptions:
    """How photos of the same thing are found.

    Parameters
    ----------
    words : int
        Centres of VLAD, 1 to 1,024.
    candidates : int
        Number of nearest photos by VLAD that are verified, at least 1.
    least : int
        Smallest number of keypoints that one homography must fit, at least 4: fewer define none.
    largest : int
        Largest number of photos in a group, at least 2; the weakest links beyond it are dropped.
    sample : int
        Largest number of keypoints from which the centres are learned.

    Raises
    ------
    OptionError
        If a value is out of range.
    """

    words: int = 64
    candidates: int = 10
    least: int = 15
    largest: int = 50
    sample: int = 100_000

    def __post_init__(self) -> None:
        if not 1 <= self.words <= 1024 or self.candidates < 1 or self.sample < 1:
            raise OptionError(
                "Expected words of 1 to 1,024, candidates and sample of at least 1; got "
                f"{self.words}, {self.candidates}, {self.sample}."
            )
        if self.least < 4 or self.largest < 2:
            raise OptionError(
                f"Expected least of at least 4, largest 2; got {self.least}, {self.largest}."
            )


def mine(paths: Sequence[Path], options: MiningOptions | None = None) -> NDArray[np.int64]:
    """Group photos that show the same thing.

    Photos are described by VLAD of RootSIFT (Jegou et al., Aggregating local descriptors into a
    compact image representation, CVPR 2010; Arandjelovic and Zisserman, All about VLAD, CVPR
    2013). The nearest photos of each are verified by :func:`semsig.explain.geometry.match`; photos
    connected by verified pairs, directly or through others, form a group.

    Parameters
    ----------
    paths : sequence of Path
        The photos, N of them.
    options : MiningOptions, optional
        Options of mining.

    Returns
    -------
    ndarray of int64, shape (N,)
        The group of each photo, the largest group 0; -1 for photos that are in no group of at least
        two.
    """
    options = options or MiningOptions()
    geometry = GeometryOptions(least=options.least)
    workers = usable_cores()
    features = list(ordered_map(lambda path: _features(path, geometry), paths, workers))
    near = nearest(vlad(features, options), options.candidates)
    pairs = sorted({(min(i, j), max(i, j)) for i, row in enumerate(near) for j in row.tolist()})

    def verify(pair: tuple[int, int]) -> int:
        return match(features[pair[0]], features[pair[1]], geometry).inliers

    inliers = list(ordered_map(verify, pairs, workers))
    return clusters(len(paths), pairs, inliers, options.largest)


def _features(path: Path, options: GeometryOptions) -> LocalFeatures:
    try:
        image = read_image(path, at_least=options.max_side)
    except ImageError:
        image = np.zeros((1, 1, 3), np.uint8)
    return local_features(image, options)


def vlad(features: Sequence[LocalFeatures], options: MiningOptions) -> NDArray[np.float32]:
    """Describe photos by VLAD with intra-normalisation, shape (N, words * 128), unit length.

    The vector of a photo without keypoints is 0.
    """
    from sklearn.cluster import MiniBatchKMeans

    found = [each.descriptors for each in features if len(each.points)]
    everything = np.concatenate(found) if found else np.zeros((0, 1), np.float32)
    words = min(options.words, len(everything))
    made = np.zeros((len(features), max(words, 1) * everything.shape[1]), np.float32)
    if not words:
        return made
    drawn = np.random.default_rng(0).permutation(len(everything))[: options.sample]
    means = MiniBatchKMeans(words, random_state=0, n_init=1, batch_size=4096)
    means.fit(everything[np.sort(drawn)])
    for row, each in zip(made, features, strict=True):
        if len(each.points):
            row[:] = _aggregate(each.descriptors, means.predict(each.descriptors), means)
    return made


def _aggregate(
    descriptors: NDArray[np.float32], words: NDArray[np.int32], means: object
) -> NDArray[np.float32]:
    centres: NDArray[np.float32] = means.cluster_centers_  # type: ignore[attr-defined]
    sums = np.zeros(centres.shape, np.float32)
    np.add.at(sums, words, descriptors - centres[words])
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)  # 0 stays 0
    flat = sums.ravel()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-12))


def nearest(vectors: NDArray[np.float32], count: int) -> list[NDArray[np.int64]]:
    """Return each row's nearest other rows by inner product, nearest first."""
    found = []
    for number, row in enumerate(vectors):
        similar = vectors @ row
        similar[number] = -np.inf
        order = np.argsort(-similar, kind="stable")[: min(count, len(vectors) - 1)]
        found.append(order)
    return found


def clusters(
    count: int, pairs: Sequence[tuple[int, int]], inliers: Sequence[int], largest: int
) -> NDArray[np.int64]:
    """Join verified pairs, strongest first, into groups of at most `largest`; see :func:`mine`."""
    parents = list(range(count))
    sizes = [1] * count

    def top(n: int) -> int:
        while parents[n] != n:
            parents[n] = parents[parents[n]]
            n = parents[n]
        return n

    ranked = sorted(zip(inliers, pairs, strict=True), key=lambda link: (-link[0], link[1]))
    for strength, (i, j) in ranked:
        a, b = top(i), top(j)
        if strength and a != b and sizes[a] + sizes[b] <= largest:
            parents[max(a, b)] = min(a, b)
            sizes[min(a, b)] = sizes[a] + sizes[b]
    tops = np.array([top(n) for n in range(count)])
    return _numbered(tops)


def _numbered(tops: NDArray[np.int64]) -> NDArray[np.int64]:
    labels, counts = np.unique(tops, return_counts=True)
    order = sorted(range(len(labels)), key=lambda n: (-counts[n], labels[n]))
    numbers = {labels[n]: place for place, n in enumerate(order) if counts[n] > 1}
    return np.array([numbers.get(t, -1) for t in tops], np.int64)
