"""Hard pairs: photos that show the same scene points from another place or at another scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.errors import ReconstructionError
from semsig.finetune.reconstruction import Reconstruction, SfmOptions, reconstruct


def hard_pairs(found: Reconstruction, options: SfmOptions | None = None) -> NDArray[np.int64]:
    """Return the pairs of photos that match and are hard.

    Photo i matches photo q if ``|P(q) & P(i)| / |P(q)| >= shared``, where P are the points that a
    photo shows, and neither shows the common points more than `most_scale` times larger (Radenovic,
    Tolias and Chum, TPAMI 2019, section 4.2, m3). The pair is hard if the median angle between the
    viewing directions to the common points is at least `least_angle`, or the median ratio of the
    scales at least `least_scale`.

    Parameters
    ----------
    found : Reconstruction
        Cameras and points.
    options : SfmOptions, optional
        The thresholds.

    Returns
    -------
    ndarray of int64, shape (K, 2)
        Numbers of photos, query and match, ascending.
    """
    options = options or SfmOptions()
    rows = range(len(found.photos))
    kept = [(q, i) for q in rows for i in rows if q != i and _hard(found, q, i, options)]
    return found.photos[np.array(kept, np.int64).reshape(-1, 2)]


def _hard(found: Reconstruction, q: int, i: int, options: SfmOptions) -> bool:
    both = found.seen[q] & found.seen[i]
    if not both.any() or both.sum() < options.shared * found.seen[q].sum():
        return False
    ratio = float(np.median(found.sizes[q, both] / found.sizes[i, both]))
    scale = max(ratio, 1 / ratio)
    if scale > options.most_scale:
        return False
    return scale >= options.least_scale or _angle(found, q, i, both) >= options.least_angle


def _angle(found: Reconstruction, q: int, i: int, both: NDArray[np.bool_]) -> float:
    """Return the median angle between the rays to common points, degrees."""
    rays = found.points[both] - found.centres[[q, i], None]
    rays /= np.maximum(np.linalg.norm(rays, axis=2, keepdims=True), 1e-12)  # point at a camera: 0
    cosines = np.clip((rays[0] * rays[1]).sum(1), -1, 1)
    return float(np.degrees(np.median(np.arccos(cosines))))


def matches_of(
    paths: Sequence[Path], labels: NDArray[np.int64], options: SfmOptions | None = None
) -> tuple[NDArray[np.int64], ...]:
    """Return the hard matches of each photo, found by structure from motion on every group.

    Parameters
    ----------
    paths : sequence of Path
        The photos, N of them.
    labels : ndarray of int64, shape (N,)
        Their groups, as :func:`semsig.finetune.mining.mine` finds them; -1 for none.
    options : SfmOptions, optional
        Options of structure from motion.

    Returns
    -------
    tuple of ndarray of int64, one per photo
        Numbers of photos, ascending. Photos without a group, not placed, or of a group that cannot
        be reconstructed have no matches.

    Raises
    ------
    ReconstructionError
        If no group yields a pair; the message gives the reason for the first group.
    """
    pairs, reasons = [], []
    for group in range(int(labels.max(initial=-1)) + 1):
        members = np.flatnonzero(labels == group)
        try:
            found = reconstruct([paths[n] for n in members.tolist()], options)
        except ReconstructionError as error:
            reasons.append(str(error))
            continue
        drawn = members[hard_pairs(found, options)]
        pairs.append(drawn)
        if not len(drawn):
            reasons.append("photos of one place alone, or that share too few points.")
    joined = np.concatenate([*pairs, np.zeros((0, 2), np.int64)])
    if not len(joined):
        raise ReconstructionError(
            "Expected hard pairs in at least one group of photos, got none in "
            f"{len(reasons)} groups. The first: {reasons[0] if reasons else 'no groups.'}"
        )
    return tuple(joined[joined[:, 0] == n, 1] for n in range(len(paths)))
