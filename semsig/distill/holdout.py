"""Which photos are held out for measuring, and how often the others are drawn."""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.durable import read_regular
from semsig.errors import OptionError

MOST_FAVOURED = 12.0
"""Largest ratio between the probabilities of drawing two photos."""


def read_catalogue(path: Path) -> dict[str, dict[str, str]]:
    """Read a CSV with columns ``file`` and ``category``; return its rows by file stem.

    Raises
    ------
    OptionError
        If the file cannot be read or lacks a column.
    """
    try:
        text = read_regular(path).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"{path} is not a readable CSV file: {error}") from error
    if not rows or not {"file", "category"} <= rows[0].keys():
        raise OptionError(f"{path} needs the columns file and category, and at least one row.")
    if any(None in row or None in row.values() for row in rows):
        raise OptionError(f"{path} needs as many values in each row as its header has columns.")
    return {Path(row["file"]).stem: row for row in rows}


def hold_out(
    strata: Sequence[Hashable], share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split positions into training and held-out ones: the first and every k-th of each stratum.

    Parameters
    ----------
    strata : sequence of hashable, length N
        Stratum of each photo.
    share : float
        About this share is held out: k = round(1 / share). Strata smaller than k still give one.

    Returns
    -------
    train, held : ndarray of int64
        Ascending positions; together 0..N-1.
    """
    step = round(1 / share)
    members: dict[Hashable, list[int]] = {}
    for position, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(position)
    held = np.sort(np.concatenate([np.array(m[::step], np.int64) for m in members.values()]))
    train = np.setdiff1d(np.arange(len(strata)), held)
    return train, held


def strata_of(stems: Sequence[str], catalogue: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Category of each photo; photos missing from the catalogue form their own stratum."""
    return [catalogue[stem]["category"] if stem in catalogue else "" for stem in stems]


def draw_weights(present: NDArray[np.bool_], balance: float) -> NDArray[np.float64]:
    """Probability of drawing each photo, so that rare classes are seen more often.

    Parameters
    ----------
    present : ndarray of bool, shape (N, M)
        Which classes each photo shows.
    balance : float
        A photo weighs (N / photos with its rarest class) ** balance, as in the repeat-factor
        sampling of LVIS (Gupta et al. 2019), where balance is 0.5.

    Returns
    -------
    ndarray of float64, shape (N,)
        Sums to 1.
    """
    frequency = np.maximum(present.sum(0), 1) / len(present)
    weight = np.where(present, frequency**-balance, 1.0).max(1)
    weight = np.minimum(weight, MOST_FAVOURED)
    return np.asarray(weight / weight.sum())
