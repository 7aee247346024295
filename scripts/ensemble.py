"""Combine the label maps of several teachers by a product of experts, over semsig's classes.

Teachers give *votes*: for each pixel the likeliest classes and their probabilities (`Votes`). The
votes of a teacher that knows all classes are used as they are. A teacher that lacks some classes
labels an elephant as rock, so its votes are used as evidence: how much likelier than usual each
class is where the teacher says what it says, measured on held-out photos (`evidence`). The given
labels, and what a photo's category makes unlikely (`category_factors`), are used in the same way.
All factors are multiplied (G. Hinton 2002, "Training products of experts"). Those of the labels and
of teachers used as evidence enter by their square root, because such experts make the same errors.
The result is the two likeliest classes of each pixel and the share of the first (`combine`): soft
targets in three bytes per pixel. Needs only numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VOID = 255

RARE = 0.05
"""A class that at least this share of a category's photos show is not made less likely in any."""

LABELS_TRUST = 0.7
"""Assumed accuracy of the given labels: 66 to 72 % of their pixels agree with hand-drawn labels."""

LEAST = 1e-3
"""Probability of a class to which a teacher gives none: unlikely, but not ruled out."""

LEAST_FACTOR = 0.1
"""Smallest factor of a class that no photo of a category shows; not 0, because labels are noisy."""


@dataclass(frozen=True, slots=True)
class Votes:
    """A teacher's class probabilities for each pixel of a photo.

    Parameters
    ----------
    classes : ndarray of uint8, shape (K, H, W)
        The likeliest classes, in falling order; 255 means no vote.
    shares : ndarray of uint8, shape (K, H, W)
        Their probabilities times 255; the remainder to 255 is no vote either.
    """

    classes: NDArray[np.uint8]
    shares: NDArray[np.uint8]

    @classmethod
    def of_labels(cls, labels: NDArray[np.integer]) -> Votes:
        """Return one vote of probability 1 per pixel; void is no vote."""
        known = labels != VOID
        return cls(labels[None].astype(np.uint8), np.where(known, 255, 0)[None].astype(np.uint8))

    @classmethod
    def of_probabilities(cls, likely: NDArray[np.float32], most: int = 4) -> Votes:
        """Return votes for the `most` likeliest classes of probabilities (M, H, W)."""
        best = np.argsort(-likely, axis=0)[:most]
        shares = np.rint(np.take_along_axis(likely, best, 0) * 255)
        return cls(best.astype(np.uint8), shares.astype(np.uint8))

    def spread(self, classes: int) -> NDArray[np.float32]:
        """Return probabilities (M, H, W) of M classes; 0 without a vote."""
        full = np.zeros((VOID + 1, *self.classes.shape[1:]), np.float32)
        np.put_along_axis(full, self.classes.astype(np.int64), self.shares / np.float32(255), 0)
        return full[:classes]


def count(votes: Votes, labels: NDArray[np.integer], classes: int) -> NDArray[np.float64]:
    """Count pixels by (class of the vote, label), weighted by the votes, shape (M, M)."""
    known = (votes.classes < classes) & (labels < classes)[None]
    pairs = votes.classes.astype(np.int64) * classes + np.where(labels < classes, labels, 0)
    total = np.bincount(pairs[known], votes.shares[known] / 255, classes * classes)
    return total.reshape(classes, classes)


def evidence(counts: NDArray[np.float64], smoothing: float = 300.0) -> NDArray[np.float64]:
    """Return how much likelier than usual each class is, given a teacher's class, shape (M, M).

    Row t, column c is P(c | the teacher says t) / P(c) over the labels. `smoothing` pixels with the
    overall distribution of the labels are added to each row, so that classes that the teacher
    hardly ever gives have little effect.
    """
    prior = prior_of(counts)
    rows = counts + smoothing * prior
    return np.asarray(rows / rows.sum(1, keepdims=True) / prior)


def label_evidence(prior: NDArray[np.float64], trust: float = LABELS_TRUST) -> NDArray[np.float64]:
    """Return the same for the given labels: right in a share `trust` of the pixels, else random."""
    return np.asarray((trust * np.eye(len(prior)) + (1 - trust) * prior) / prior)


def prior_of(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each class in the labels; one pixel is added to each, so none is 0."""
    seen = counts.sum(0) + 1
    return np.asarray(seen / seen.sum())


def category_factors(shown: NDArray[np.bool_], members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the factor of each class in photos of a category, 0.1 to 1, shape (M,).

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
    own: Votes,
    further: Sequence[tuple[Votes, NDArray[np.float64]]],
    factors: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return soft labels: two classes a pixel and the share of the first among the two.

    Parameters
    ----------
    own : Votes
        Votes that are used as they are, (K, H, W).
    further : sequence of (Votes, ndarray of float64, shape (M, M))
        Votes of other teachers and of the labels, with the same H and W, each with its evidence;
        where one does not vote, it changes nothing.
    factors : ndarray of float64, shape (M,)
        The factor of each class in this photo.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        First class, second class, 255 x the share of the first (128 to 255).
    """
    classes = len(factors)
    total = (own.spread(classes) + LEAST) * factors[:, None, None]
    for votes, ratios in further:
        said = votes.spread(classes)
        silent = np.maximum(1 - said.sum(0), 0)  # shares are rounded: their sum may exceed 1
        total *= np.sqrt(np.tensordot(ratios.T, said, 1) + silent)
    second, first = np.argsort(total, axis=0, kind="stable")[-2:]
    high, low = (np.take_along_axis(total, at[None], 0)[0] for at in (first, second))
    share = np.rint(255 * high / (high + low))
    return np.stack([first, second, share], 2).astype(np.uint8)
