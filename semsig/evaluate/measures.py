"""Retrieval measures over ranked relevance: which of the ranked photos are of the query's class.

Each function takes one row per query, the nearest photo first, and returns one value per query in
0..1 (:func:`hits_at`: a count). Queries without any relevant photo score worst: 0, or 1 for NMRR.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semsig.errors import OptionError

Relevance = NDArray[np.bool_]
"""Shape (Q, N): whether the photo of each rank is relevant to each query."""

Scores = NDArray[np.float64]
"""Shape (Q,): one value per query."""


def average_precision(relevance: Relevance, n_relevant: ArrayLike) -> Scores:
    """Average precision: precision at each relevant rank, summed, over the relevant photos.

    ``AP = 1/NG * sum over relevant ranks k of P(k)``; its mean over queries is ``map``.

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking.
    n_relevant : array_like of int, shape (Q,) or ()
        NG, the relevant photos that there are, ranked or not.
    """
    hits = _checked(relevance)
    return np.asarray(_precision_at_hits(hits).sum(1) / np.maximum(n_relevant, 1))


def average_precision_trapezoid(relevance: Relevance, n_relevant: ArrayLike) -> Scores:
    """Average precision as Oxford5k, Paris6k and Holidays publish it: by the trapezoid rule.

    ``AP = 1/NG * sum over relevant ranks k of (P(k - 1) + P(k)) / 2`` with ``P(0) = 1``
    (Philbin et al., Object retrieval with large vocabularies, CVPR 2007: ``compute_ap``).

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking, without junk.
    n_relevant : array_like of int, shape (Q,) or ()
        NG, the relevant photos that there are, ranked or not.
    """
    hits = _checked(relevance)
    precision = hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
    before = np.pad(precision, ((0, 0), (1, 0)), constant_values=1)[:, :-1]
    areas = np.where(hits, (before + precision) / 2, 0.0)
    return np.asarray(areas.sum(1) / np.maximum(n_relevant, 1))


def average_precision_first(relevance: Relevance, cutoff: ArrayLike) -> Scores:
    """Average precision over the first R ranks, divided by the relevant photos among them.

    ``AP_R = sum over relevant ranks k <= R of P(k) / hits in R``, 0 without hits. Photos that were
    not found among the first R do not count against it, so it exceeds strict average precision. Its
    mean over queries, ``map_paper``, is one reading of the MAP of Ouni et al. 2022, who leave the
    divisor open; docs/measures.md says why this one.

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking.
    cutoff : array_like of int, shape (Q,) or ()
        R.
    """
    hits = _checked(relevance) & _within(relevance, cutoff)
    return np.asarray(_precision_at_hits(hits).sum(1) / np.maximum(hits.sum(1), 1))


def precision_at(relevance: Relevance, cutoff: ArrayLike) -> Scores:
    """Precision among the first R ranks; ranks beyond the last photo count as misses.

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking.
    cutoff : array_like of int, shape (Q,) or ()
        R, at least 1.
    """
    hits = _checked(relevance) & _within(relevance, cutoff)
    return np.asarray(hits.sum(1) / np.asarray(cutoff))


def normalized_modified_retrieval_rank(
    relevance: Relevance, n_relevant: ArrayLike, largest: int | None = None
) -> Scores:
    """NMRR of MPEG-7 (Manjunath et al. 2001): 0 is a perfect ranking, 1 finds nothing in reach.

    ``K = min(4 NG, 2 GTM)`` with GTM the largest NG; a relevant photo at rank r counts r up to K
    and 1.25 K beyond; ``AVR`` is the mean of these over the NG photos and
    ``NMRR = (AVR - 0.5 (1 + NG)) / (1.25 K - 0.5 (1 + NG))``. Its mean over queries is ANMRR.

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking.
    n_relevant : array_like of int, shape (Q,) or ()
        NG, the relevant photos that there are; those that are not ranked count as beyond K.
    largest : int, optional
        GTM; the largest `n_relevant` given here by default. Needed where queries are
        measured in batches.
    """
    hits = _checked(relevance)
    relevant = np.broadcast_to(np.asarray(n_relevant), len(hits)).astype(np.float64)
    reach = np.minimum(4 * relevant, 2 * (largest or relevant.max(initial=0)))
    ranks = np.arange(1, hits.shape[1] + 1)
    near = hits & (ranks <= reach[:, None])
    missed = relevant - near.sum(1)
    total = (near * ranks).sum(1) + missed * 1.25 * reach
    ideal = 0.5 * (1 + relevant)
    average = total / np.maximum(relevant, 1)
    spread = np.where(relevant > 0, 1.25 * reach - ideal, 1)
    return np.where(relevant > 0, (average - ideal) / spread, 1.0)


def hits_at(relevance: Relevance, cutoff: ArrayLike) -> Scores:
    """Relevant photos among the first R ranks; ``hits_at(relevance, 4)`` is UKBench's N-S score.

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking.
    cutoff : array_like of int, shape (Q,) or ()
        R, at least 1.
    """
    hits = _checked(relevance) & _within(relevance, cutoff)
    return np.asarray(hits.sum(1), np.float64)


def recall_at(relevance: Relevance, n_relevant: ArrayLike, cutoff: ArrayLike) -> Scores:
    """Share of the relevant photos that are among the first R ranks.

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking.
    n_relevant : array_like of int, shape (Q,) or ()
        NG, the relevant photos that there are, ranked or not.
    cutoff : array_like of int, shape (Q,) or ()
        R, at least 1.
    """
    return np.asarray(hits_at(relevance, cutoff) / np.maximum(n_relevant, 1))


def reciprocal_rank(relevance: Relevance) -> Scores:
    """One over the rank of the first relevant photo, 0 where none is ranked.

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking.
    """
    hits = _checked(relevance)
    if not hits.shape[1]:
        return np.zeros(len(hits))
    return np.where(hits.any(1), 1 / (1 + hits.argmax(1)), 0.0)


def precision_up_to_last(relevance: Relevance, cutoff: int) -> Scores:
    """mP@R of revisited Oxford and Paris: precision among the first R ranks that can hold hits.

    R is cut to the rank of the last relevant photo, so that a perfect ranking of few has 1
    (Radenovic et al., Revisiting Oxford and Paris, CVPR 2018: ``compute_map``).

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking, without junk.
    cutoff : int
        R, at least 1.
    """
    hits = _checked(relevance)
    ranks = np.arange(1, hits.shape[1] + 1)
    last = np.where(hits, ranks, 0).max(1, initial=0)
    return precision_at(hits, np.clip(last, 1, cutoff))


def normalized_discounted_gain(
    gains: NDArray[np.int64], ideal: NDArray[np.int64], cutoff: int | None = None
) -> Scores:
    """NDCG: the discounted gain of a ranking over that of the best one.

    ``DCG = sum over ranks k <= R of grade(k) / log2(k + 1)``, gains linear as in trec_eval
    (Jarvelin and Kekalainen, Cumulated gain-based evaluation of IR techniques, TOIS 2002).

    Parameters
    ----------
    gains : ndarray of int, shape (Q, N)
        Grade of the photo of each rank; 0 is not relevant.
    ideal : ndarray of int, shape (Q, M)
        Grades of all relevant photos, ranked or not, the highest first, then 0.
    cutoff : int, optional
        R, at least 1; all ranks by default.
    """
    if cutoff is not None and cutoff < 1:
        raise OptionError(f"Expected a cutoff of at least 1, got {cutoff}.")
    best = _discounted(ideal[:, :cutoff])
    return np.where(best > 0, _discounted(gains[:, :cutoff]) / np.where(best > 0, best, 1), 0.0)


def precision_at_recall(relevance: Relevance, n_relevant: ArrayLike) -> NDArray[np.float64]:
    """Interpolated precision at recall 0, 0.01, ... 1: the highest at that recall or beyond.

    A level of recall r is reached by ``int(r NG + 0.9)`` relevant photos, at least one, as
    trec_eval rounds; a level that is not reached has precision 0.

    Parameters
    ----------
    relevance : ndarray of bool, shape (Q, N)
        The ranking.
    n_relevant : array_like of int, shape (Q,) or ()
        NG, the relevant photos that there are, ranked or not.

    Returns
    -------
    ndarray of float64, shape (Q, 101)
        One row per query.
    """
    hits = _checked(relevance)
    there = np.broadcast_to(np.asarray(n_relevant), len(hits))
    curves = np.zeros((len(hits), len(RECALL)))
    for curve, row, relevant in zip(curves, hits, there, strict=True):
        ranks = 1 + np.flatnonzero(row)
        precision = np.arange(1, len(ranks) + 1) / ranks
        best = np.maximum.accumulate(precision[::-1])[::-1]
        wanted = np.maximum((RECALL * relevant + 0.9).astype(np.int64), 1)
        reached = wanted <= len(ranks)
        curve[reached] = best[wanted[reached] - 1]
    return curves


RECALL = np.arange(101) / 100
"""Levels of :func:`precision_at_recall`."""


def bootstrap_interval(
    scores: Scores, *, level: float = 0.95, samples: int = 2000
) -> tuple[float, float]:
    """Confidence interval of the mean over queries: percentiles of means of resampled queries.

    The percentile bootstrap (Efron 1979), with a fixed seed, so that it is the same every time.

    Parameters
    ----------
    scores : ndarray of float64, shape (Q,)
        One value per query, at least one.
    level : float
        Share of the resampled means within the interval, above 0 and below 1.
    samples : int
        How often Q queries are drawn with replacement.
    """
    if not 0 < level < 1 or samples < 1 or not len(scores):
        raise OptionError(
            f"Expected scores, 0 < level < 1 and samples >= 1, got {len(scores)} scores, level "
            f"{level}, {samples} samples."
        )
    random = np.random.default_rng(0)
    means = [random.choice(scores, len(scores)).mean() for _ in range(samples)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _checked(relevance: Relevance) -> Relevance:
    if relevance.ndim != 2 or relevance.dtype != np.bool_:
        raise OptionError(
            f"Relevance is bool of shape (Q, N), got {relevance.dtype} {relevance.shape}."
        )
    return relevance


def _within(relevance: Relevance, cutoff: ArrayLike) -> Relevance:
    reach = np.asarray(cutoff)
    if (reach < 1).any():
        raise OptionError(f"A cutoff is at least 1, got {reach.min()}.")
    within: Relevance = np.arange(relevance.shape[1]) < np.atleast_1d(reach)[:, None]
    return within


def _precision_at_hits(hits: Relevance) -> NDArray[np.float64]:
    return np.where(hits, hits.cumsum(1) / np.arange(1, hits.shape[1] + 1), 0.0)


def _discounted(gains: NDArray[np.int64]) -> Scores:
    return np.asarray((gains / np.log2(np.arange(2, gains.shape[1] + 2))).sum(1))
