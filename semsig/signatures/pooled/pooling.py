"""A network's feature map, pooled over the photo: SPoC, MAC, GeM, R-MAC and CroW."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsig.types.pooled import Pool

SCALES = 3
"""Scales of R-MAC's regions, as Tolias et al. have them."""

_OVERLAP = 0.4
"""Of neighbouring regions at scale 1, as near as a whole number of regions allows (ibid.)."""
_MOST_FURTHER = 6
"""Most regions beyond the first along the longer side at scale 1 (ibid.)."""

_EPSILON = 1e-6
"""In CroW's logarithm: a channel that is zero everywhere has a finite weight (its authors' own)."""


def pool_map(features: NDArray[np.float32], pool: Pool, p: float = 3.0) -> NDArray[np.float64]:
    """Return what a feature map is pooled to.

    Parameters
    ----------
    features : ndarray of float32, shape (C, h, w)
        The map X, not negative.
    pool : {"spoc", "mac", "gem", "rmac", "crow"}
        ``spoc`` is the mean (Babenko & Lempitsky 2015), ``mac`` the maximum (Tolias et al. 2016),
        ``gem`` (mean of x^p)^(1/p) (Radenovic et al. 2018), ``rmac`` the maxima of
        :func:`regions` (Tolias et al.), ``crow`` the sum of positions and channels weighted by
        :func:`crow_weights` (Kalantidis et al. 2016).
    p : float
        Exponent of ``gem``, at least 1.

    Returns
    -------
    ndarray of float64, shape (R, C)
        One row, or one a region for ``rmac``; not negative.
    """
    values = features.astype(np.float64)
    if pool == "rmac":
        boxes = regions(*values.shape[1:])
        return np.stack([values[:, rows, columns].max((1, 2)) for rows, columns in boxes])
    flat = values.reshape(len(values), -1)
    if pool == "gem":
        return generalised_mean(flat, p)[None]
    if pool == "crow":
        positions, channels = crow_weights(values)
        return ((flat @ positions.reshape(-1)) * channels)[None]
    pooled: NDArray[np.float64] = flat.mean(1) if pool == "spoc" else flat.max(1)
    return pooled[None]


def generalised_mean(values: NDArray[np.float64], p: float) -> NDArray[np.float64]:
    """Return (mean of x^p)^(1/p) of each row, (C, n) -> (C,).

    Values are divided by the row's largest first, so that no power overflows.
    """
    largest = values.max(1)
    safe = np.where(largest > 0, largest, 1)
    mean = ((values / safe[:, None]) ** p).mean(1)
    generalised: NDArray[np.float64] = largest * mean ** (1 / p)
    return generalised


def regions(height: int, width: int, scales: int = SCALES) -> list[tuple[slice, slice]]:
    """Return R-MAC's square regions (rows, columns) of a map.

    At scale l = 1..L their side is floor(2 min(h, w) / (l + 1)), at least 1. Along the shorter
    side there are l of them, along the longer one l + m, where m, 0 in a square map, is what
    lets neighbours at scale 1 overlap by 40 % as nearly as can be. Region i of n starts at
    floor(i (S - side) / (n - 1)) of S positions.
    """
    further = _further(height, width)
    found = []
    for scale in range(1, scales + 1):
        side = max(1, 2 * min(height, width) // (scale + 1))
        rows = _starts(height, side, scale + (further if height > width else 0))
        columns = _starts(width, side, scale + (further if width > height else 0))
        found += [
            (slice(row, row + side), slice(column, column + side))
            for row in rows
            for column in columns
        ]
    return found


def _further(height: int, width: int) -> int:
    """Return how many more regions the longer side has than the shorter one."""
    short, long = sorted((height, width))
    if short == long:
        return 0
    overlaps = [1 - (long - short) / m / short for m in range(1, _MOST_FURTHER + 1)]
    return 1 + int(np.argmin([abs(overlap - _OVERLAP) for overlap in overlaps]))


def _starts(length: int, side: int, n: int) -> list[int]:
    return [i * (length - side) // max(1, n - 1) for i in range(n)]


def crow_weights(
    features: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return CroW's weights of positions, (h, w), and of channels, (C,).

    With S the sum over channels, a position weighs (S / |S|)^(1/2), |S| its L2 norm over all
    positions; with Q_c the share of positions at which channel c is positive, a channel weighs
    log(sum of all Q / Q_c): channels that are rarely active count more.
    """
    total = features.sum(0)
    length = np.sqrt((total**2).sum())
    positions = np.sqrt(total / length) if length > 0 else total
    active = (features > 0).mean((1, 2))
    eps = _EPSILON
    channels: NDArray[np.float64] = np.log((len(active) * eps + active.sum()) / (eps + active))
    return positions, channels
