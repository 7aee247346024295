"""Projections fitted to pooled vectors: PCA, and whitening learned from photos that match."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.signatures.pooled.projection import Pooling, Projection

SHRINK = 3.0
"""Shrinkage of learned whitening, in mean variances: added to each variance within matches, because
few pairs leave most directions unmeasured. Chosen on training photos; see
`scripts.choose_pooled`."""

_NO_VARIANCE = 1e-9
"""Relative to the largest: a smaller variance is rounding, not a direction in which rows differ."""


def fit_pca(
    rows: NDArray[np.floating],
    *,
    dims: int,
    network: str,
    pooling: Pooling,
    whiten: float = 0.0,
    training: str = "",
) -> Projection:
    """Return the principal axes of vectors.

    Parameters
    ----------
    rows : ndarray of float, shape (N, C)
        Vectors of unit length, as :func:`unit_vectors` makes them of feature maps; N > dims.
    dims : int
        Axes K to keep, 1..C.
    network, pooling : str, Pooling
        What made the vectors.
    whiten : float
        Axes are divided by their variance to half this power: 0 leaves them, 1 makes all
        variances equal.
    training : str
        What the rows are of.

    Raises
    ------
    OptionError
        If there are too few rows, or too few directions in which they differ, or `whiten` is not
        in 0..1.
    """
    if not 0 <= whiten <= 1:
        raise OptionError(f"Expected whiten 0 to 1, got {whiten}.")
    mean, variances, axes = _principal(_checked(rows, dims), dims)
    scaled = axes / np.sqrt(variances) ** whiten
    how = f"PCA{f', whitened {whiten:g}' if whiten else ''} of {training}"
    return _projection(mean, scaled, network, pooling, how)


def fit_whitening(
    rows: NDArray[np.floating],
    groups: NDArray[np.int64],
    *,
    dims: int,
    network: str,
    pooling: Pooling,
    shrink: float = SHRINK,
    training: str = "",
) -> Projection:
    """Return axes learned from photos that match (Mikolajczyk & Matas 2007, as Radenovic 2018).

    Vectors are multiplied by C_S^(-1/2), where C_S is the mean of (x_i - x_j)(x_i - x_j)^T over
    pairs that match, and turned to the eigenvectors of C_D, the covariance of what that gives,
    greatest eigenvalue first.

    Parameters
    ----------
    rows : ndarray of float, shape (N, C)
        Vectors of unit length.
    groups : ndarray of int64, shape (N,)
        Photos of one group match each other; -1 matches none. A pair is a group of two; of a
        group of n all pairs count, together n - 1 times as much as one pair.
    dims, network, pooling, training
        See :func:`fit_pca`.
    shrink : float
        Mean variances that are added to each variance of C_S, at least 0.

    Raises
    ------
    OptionError
        If no two photos match, or as :func:`fit_pca` says.
    """
    values = _checked(rows, dims)
    if groups.shape != (len(values),):
        raise OptionError(f"Expected groups ({len(values)},), got {groups.shape}.")
    if not shrink >= 0:
        raise OptionError(f"Expected shrink at least 0, got {shrink}.")
    variances, vectors = np.linalg.eigh(_within(values, groups))
    raised = variances + shrink * variances.mean()
    least = _NO_VARIANCE * raised.max()
    inverse_root = (vectors / np.sqrt(np.maximum(raised, least))) @ vectors.T
    _, _, turned = _principal(values @ inverse_root, dims)
    how = f"learned whitening, shrink {shrink:g}, of {training}"
    return _projection(values.mean(0), inverse_root @ turned, network, pooling, how)


def _checked(rows: NDArray[np.floating], dims: int) -> NDArray[np.float64]:
    values = np.asarray(rows, np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise OptionError(f"Expected finite vectors (N, C), got shape {values.shape}.")
    if not 1 <= dims <= values.shape[1] or len(values) <= dims:
        raise OptionError(
            f"Expected dims 1 to {values.shape[1]} and more vectors than dims; got dims {dims}, "
            f"{len(values):,} vectors. Keep fewer dims, or give more photos."
        )
    return values


def _principal(
    values: NDArray[np.float64], dims: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean (C,), the largest variances (K,) and their axes (C, K)."""
    mean = values.mean(0)
    found, vectors = np.linalg.eigh(np.cov((values - mean).T).reshape(len(mean), len(mean)))
    variances, axes = found[::-1][:dims], vectors[:, ::-1][:, :dims]
    if not variances[-1] > _NO_VARIANCE * variances[0]:
        different = int((variances > _NO_VARIANCE * variances[0]).sum())
        raise OptionError(
            f"Expected vectors that differ in {dims} directions, got {different}; keep fewer dims."
        )
    # an eigenvector's sign is arbitrary; fixed, the same photos give the same file
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(dims)])
    return mean, variances, axes * signs


def _within(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return C_S: the mean over a group's pairs is twice its covariance; weights are n - 1."""
    total, n = np.zeros((values.shape[1],) * 2), 0
    for group in np.unique(groups[groups >= 0]):
        members = values[groups == group]
        if len(members) > 1:
            centred = members - members.mean(0)
            total += centred.T @ centred
            n += len(members) - 1
    if not n:
        raise OptionError("Expected photos that match, at least two per folder; got none.")
    return 2 * total / n


def _projection(
    mean: NDArray[np.float64],
    axes: NDArray[np.float64],
    network: str,
    pooling: Pooling,
    training: str,
) -> Projection:
    """Return the axes scaled to a largest number of 1, for float16; lengths do not matter."""
    return Projection(
        mean=mean.astype(np.float16),
        axes=(axes / np.abs(axes).max()).astype(np.float16),
        network=network,
        pooling=pooling,
        training=training,
    )
