"""The share of each photo that each class fills, and the classes that split an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.engine import Engine
from semsig.explain.words import spoken
from semsig.query import Condition, Conditions
from semsig.server.asks import ClassFacts, Suggestion

LEAST_PERCENT = 2
"""A photo shows a class if it fills more than this share; smaller areas are mostly specks."""

_MOST_SUGGESTED = 8
_LEAST_ENTROPY = 0.3
"""In bits: a class that fewer than 5 % of the answer show, or lack, narrows nothing down; the
entropy of a split at 5 % is 0.29."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassShares:
    """Which photos show which class on more than 2 % of their area.

    Parameters
    ----------
    classes : ClassTable
        The classes.
    ids : ndarray of int64, shape (N,)
        Ids, ascending.
    shows : ndarray of bool, shape (N, M)
        Whether a photo shows a class.
    """

    classes: ClassTable
    ids: NDArray[np.int64]
    shows: NDArray[np.bool_]

    @classmethod
    def of(cls, engine: Engine) -> ClassShares:
        """Compute them from the stored signatures, without reading photos."""
        ids, batch = engine.index.to_batch()
        classes = engine.index.schema.classes
        terms = tuple(
            Condition(label=label, percent=LEAST_PERCENT) for label in range(len(classes))
        )
        shares = Conditions(classes, terms).shares(batch)
        order = np.argsort(ids)
        return cls(classes, ids[order], (100 * shares > LEAST_PERCENT)[order])

    def facts(self) -> list[ClassFacts]:
        """Return each class with its number of photos, most frequent first."""
        counts = self.shows.sum(axis=0)
        return [
            ClassFacts(
                label=int(label),
                name=self.classes.names[label],
                spoken=spoken(self.classes.names[label]),
                color=hex_color(self.classes.palette[label]),
                count=int(counts[label]),
            )
            for label in np.argsort(-counts, kind="stable")
        ]

    def suggest(self, ids: Sequence[int], known: Conditions) -> list[Suggestion]:
        """Return the conditions that split photos most evenly, by the entropy of the split.

        Parameters
        ----------
        ids : sequence of int
            The photos.
        known : Conditions
            The conditions of the search; their classes are not suggested.
        """
        rows = np.searchsorted(self.ids, ids)
        if not len(rows):
            return []
        counts = self.shows[rows].sum(axis=0)
        gain = _entropy(counts / len(rows))
        gain[[label for term in known.terms for label in term.labels]] = 0
        order = np.argsort(-gain, kind="stable")[:_MOST_SUGGESTED]
        return [
            Suggestion(
                words=f"{self._written(label)}>{LEAST_PERCENT}%",
                name=spoken(self.classes.names[label]),
                color=hex_color(self.classes.palette[label]),
                count=int(counts[label]),
                of=len(rows),
            )
            for label in order
            if gain[label] >= _LEAST_ENTROPY
        ]

    def _written(self, label: int) -> str:
        name = self.classes.names[label]
        return f'"{name}"' if set(name) & set(",:<>=!%") else name


def hex_color(color: tuple[int, int, int]) -> str:
    """Return a colour in CSS notation."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def _entropy(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entropy in bits of a split into `share` and the rest, 0 to 1."""
    parts = np.stack([share, 1 - share])
    logs = np.log2(parts, where=parts > 0, out=np.zeros_like(parts))
    return np.asarray(-(parts * logs).sum(axis=0))
