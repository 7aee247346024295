"""How several teachers' label maps become one: a product of experts, over semsig's classes.

Teachers give *votes*: for each pixel the classes they think likeliest and how likely (`Votes`). One
that knows all classes is taken at its word. One that lacks some calls an elephant rock: of it
counts by how much a class is likelier than elsewhere where it says what it says, measured on
photos held out (`evidence`). The given labels, and what a photo's category makes unlikely
(`category_factors`), count the same way. All factors are multiplied (G. Hinton 2002, "Training
products of experts"), those of labels and of teachers read by evidence under the square root, for
experts that err together. What comes out are the two likeliest classes of each pixel and the share
of the first (`combine`): soft targets in three bytes. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VOID = 255

RARE = 0.05
"""A class that so many of a category's photos show, or more, is not held against any of them."""

LABELS_TRUST = 0.7
"""Of the given labels' pixels 66 to 72 % agree with labels that people drew."""

LEAST = 1e-3
"""A class that a teacher gives nothing is not ruled out, only so unlikely."""

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


def evidence(counts: NDArray[np.float64], smoothing: float = 300.0) -> NDArray[np.float64]:
    """Return how much likelier each class is where a teacher says another, shape (M, M).

    Row t, column c is P(c | the teacher says t) / P(c) of the labels. `smoothing` pixels as the
    labels are everywhere are added to each row: of what it hardly ever says little is believed.
    """
    prior = prior_of(counts)
    rows = counts + smoothing * prior
    return np.asarray(rows / rows.sum(1, keepdims=True) / prior)


def label_evidence(prior: NDArray[np.float64], trust: float = LABELS_TRUST) -> NDArray[np.float64]:
    """Return the same of the given labels, right in `trust` of the pixels, else anything."""
    return np.asarray((trust * np.eye(len(prior)) + (1 - trust) * prior) / prior)


def prior_of(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the classes' shares of the labels; a pixel is added to each, so that none is 0."""
    seen = counts.sum(0) + 1
    return np.asarray(seen / seen.sum())


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
    own: Votes,
    further: Sequence[tuple[Votes, NDArray[np.float64]]],
    factors: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return soft labels: two classes a pixel and the share of the first among the two.

    Parameters
    ----------
    own : Votes
        Of the teacher that is taken at its word, (K, H, W).
    further : sequence of (Votes, ndarray of float64, shape (M, M))
        Other teachers and labels, of the same H and W, each with its evidence; where one does not
        vote, it changes nothing.
    factors : ndarray of float64, shape (M,)
        What each class counts in this photo.

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
