"""Whether one system is better than another: paired permutation tests, corrected for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from semsig.errors import OptionError
from semsig.evaluate.measures import Scores

SAMPLES = 9999
"""Random sign flips of a test; all 2^Q are taken instead if there are not more."""

_AT_ONCE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How far two systems are apart, and whether that can be chance.

    Parameters
    ----------
    first, second : str
        The systems.
    difference : float
        Mean of the first's scores less the second's.
    p : float
        Two-sided p-value of the paired permutation test.
    p_holm : float
        The same after Holm's correction for all pairs that were tested.
    """

    first: str
    second: str
    difference: float
    p: float
    p_holm: float


def paired_permutation(first: Scores, second: Scores, *, samples: int = SAMPLES) -> float:
    """Two-sided p-value of the paired permutation (randomisation) test of a mean difference.

    The share of sign flips of the queries' differences whose mean is as far from 0 as the one
    measured (Fisher 1935; Smucker, Allan and Carterette, A comparison of statistical significance
    tests for information retrieval evaluation, CIKM 2007). Random flips have a fixed seed and
    count the measured one as well, so that p is never 0.

    Parameters
    ----------
    first, second : ndarray of float64, shape (Q,)
        Scores of the same queries, at least one.
    samples : int
        Random flips, at least 1; where all 2^Q flips are no more, they are taken instead.

    Raises
    ------
    OptionError
        If the scores are empty or of different shapes, or `samples` is below 1.
    """
    if first.shape != second.shape or first.ndim != 1 or not len(first) or samples < 1:
        raise OptionError(
            f"Expected scores of the same queries and samples of at least 1; got shapes "
            f"{first.shape} and {second.shape}, {samples} samples."
        )
    from scipy.stats import permutation_test

    test = permutation_test(
        (first - second,),
        lambda of, axis: np.mean(of, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=samples,
        batch=_AT_ONCE,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values of several tests so that any false alarm stays as rare as in one.

    The k-th least of m is multiplied by m - k + 1, and is no less than those before it
    (Holm, A simple sequentially rejective multiple test procedure, 1979).
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.maximum.accumulate(np.asarray(p_values, float)[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(stepped, 1)
    return corrected.tolist()


def differences(scores: Mapping[str, Scores], *, samples: int = SAMPLES) -> tuple[Difference, ...]:
    """Test every pair of systems.

    Parameters
    ----------
    scores : mapping of str to ndarray of float64, shape (Q,)
        Scores of each system on the same queries.
    samples : int
        See :func:`paired_permutation`.
    """
    pairs = list(combinations(scores, 2))
    p_values = [paired_permutation(scores[a], scores[b], samples=samples) for a, b in pairs]
    return tuple(
        Difference(
            first=a,
            second=b,
            difference=float((scores[a] - scores[b]).mean()),
            p=p,
            p_holm=corrected,
        )
        for (a, b), p, corrected in zip(pairs, p_values, holm(p_values), strict=True)
    )
