"""How several teachers' label maps become one: each is trusted with a class as far as it earned it.

Teachers give *votes*: for each pixel the classes they think likeliest and how likely (`Votes`). A
teacher's say in a class is its precision there on photos held out (`precision`), a linear opinion
pool (M. Stone 1961, "The opinion pool"); what a photo's category makes unlikely counts less
(`category_factors`). What comes out are the two likeliest classes of each pixel and the share of
the first (`combine`): soft targets in three bytes. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VOID = 255

RARE = 0.05
"""A class that so many of a category's photos show, or more, is not held against any of them."""

LEAST_FACTOR = 0.1
"""What a class that no photo of a category shows still counts in one: labels are noisy."""


@dataclass(frozen=True, slots=True)
class Votes:
    """What a teacher thinks of each pixel of a photo.

    Parameters
    ----------
    classes : ndarray of uint8, shape (K, H, W)
        The likeliest classes, the first first; 255 is no vote.
    shares : ndarray of uint8, shape (K, H, W)
        Their probabilities times 255; what is missing to 255 is no vote either.
    """

    classes: NDArray[np.uint8]
    shares: NDArray[np.uint8]

    @classmethod
    def of_labels(cls, labels: NDArray[np.integer]) -> Votes:
        """Return one sure vote a pixel; void is none."""
        known = labels != VOID
        return cls(labels[None].astype(np.uint8), np.where(known, 255, 0)[None].astype(np.uint8))

    @classmethod
    def of_probabilities(cls, likely: NDArray[np.float32], most: int = 4) -> Votes:
        """Return the `most` likeliest of probabilities (M, H, W)."""
        best = np.argsort(-likely, axis=0)[:most]
        shares = np.rint(np.take_along_axis(likely, best, 0) * 255)
        return cls(best.astype(np.uint8), shares.astype(np.uint8))

    def spread(self, classes: int) -> NDArray[np.float32]:
        """Return probabilities (M, H, W) of M classes; what is no vote is 0."""
        full = np.zeros((VOID + 1, *self.classes.shape[1:]), np.float32)
        np.put_along_axis(full, self.classes.astype(np.int64), self.shares / np.float32(255), 0)
        return full[:classes]


def count(votes: Votes, labels: NDArray[np.integer], classes: int) -> NDArray[np.float64]:
    """Return pixels by (the vote's class, the label), weighted by the votes, shape (M, M)."""
    known = (votes.classes < classes) & (labels < classes)[None]
    pairs = votes.classes.astype(np.int64) * classes + np.where(labels < classes, labels, 0)
    total = np.bincount(pairs[known], votes.shares[known] / 255, classes * classes)
    return total.reshape(classes, classes)


def precision(counts: NDArray[np.float64], prior: float = 1e3) -> NDArray[np.float64]:
    """Return how much of what a teacher calls a class the labels call so, shape (M,).

    `prior` pixels at the teacher's precision over all classes are added to each class, so that one
    seen in a photo or two gets no extreme say.
    """
    said = counts.sum(1)
    overall = np.trace(counts) / max(said.sum(), 1.0)
    return np.asarray((np.diag(counts) + prior * overall) / (said + prior))


def category_factors(shown: NDArray[np.bool_], members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return what each class counts in photos of a category, 0.1 to 1, shape (M,).

    Parameters
    ----------
    shown : ndarray of bool, shape (N, M)
        Which classes each photo's labels show.
    members : ndarray of bool, shape (N,)
        Which photos are of the category.
    """
    share = shown[members].mean(0) if members.any() else np.ones(shown.shape[1])
    return np.asarray(np.clip(share / RARE, LEAST_FACTOR, 1.0))


def combine(
    votes: Sequence[Votes],
    trust: Sequence[NDArray[np.float64]],
    factors: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return soft labels: two classes a pixel and the share of the first among the two.

    Parameters
    ----------
    votes : sequence of Votes
        One a teacher, all (K, H, W) of the same H and W.
    trust : sequence of ndarray of float64, shape (M,)
        Each teacher's say in each class, 0 to 1.
    factors : ndarray of float64, shape (M,)
        What each class counts in this photo.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        First class, second class, 255 x the share of the first (128 to 255); 255, 255, 0 where
        nobody votes.
    """
    classes = len(factors)
    total = np.zeros((classes, *votes[0].classes.shape[1:]), np.float64)
    for one, say in zip(votes, trust, strict=True):
        total += one.spread(classes) * (say * factors)[:, None, None]
    second, first = np.argsort(total, axis=0, kind="stable")[-2:]
    high, low = (np.take_along_axis(total, at[None], 0)[0] for at in (first, second))
    share = np.rint(255 * high / np.where(high > 0, high + low, 1.0))
    found = np.stack([first, second, share], 2).astype(np.uint8)
    found[high <= 0] = (VOID, VOID, 0)
    return found
