"""Conditions on what is where, answered from signatures alone."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semsig.arguments import NUMBER, WHOLE, expect
from semsig.classes import ClassTable
from semsig.errors import OptionError, SchemaMismatchError
from semsig.query.groups import count_groups
from semsig.query.places import ANYWHERE, Place
from semsig.types import SbsBatch

Relation = Literal[">", ">=", "<", "<="]

_RELATIONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_OPPOSITES: dict[Relation, Relation] = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_WEIGHTS = np.array([1.0, 6.0, 10.0, 14.0])
"""Weights of levels 1 to 4 in their block, in sixteenths. Levels 2 to 4 have the midpoint of their
quarter; level 1 has 1 instead of 2, because most of its cells hold far less than 1/8."""
_BLOCKS_AT_ONCE = 1 << 14
_WORD = r'[^\s,:<>=!"%|*]+'

LEAST = 0.01
"""Added to each share, so that one absent class does not set the whole score to 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How much of a place a class fills.

    Parameters
    ----------
    label : int
        The class.
    place : Place
        Where; anywhere by default.
    relation : {">", ">=", "<", "<="}
        How its share compares with `percent`. ``">"`` and 0 mean that the class is there at
        all, ``"<="`` and 0 that it is absent.
    percent : float
        0..100.
    also : tuple of int
        Further classes that count like `label`; shares are added.
    count : int
        How many of them there should be; 0 for any number. It ranks, and excludes nothing.
    word : str
        The word that stood for the classes together, if any: "animals".

    Raises
    ------
    OptionError
        If a value is none of these.
    """

    label: int
    place: Place = ANYWHERE
    relation: Relation = ">"
    percent: float = 0.0
    also: tuple[int, ...] = ()
    count: int = 0
    word: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        expect("label", self.label, WHOLE)
        expect("place", self.place, Place)
        expect("relation", self.relation, str)
        expect("percent", self.percent, NUMBER)
        expect("count", self.count, WHOLE)
        if self.relation not in _RELATIONS or not 0 <= self.percent <= 100:
            raise OptionError(
                "A condition has a relation >, >=, < or <= and a percentage from 0 to 100, "
                f"got {self.relation!r} and {self.percent}."
            )

    @property
    def labels(self) -> tuple[int, ...]:
        """Labels of all classes that count."""
        return (self.label, *self.also)

    @property
    def wants(self) -> bool:
        """Whether more of the class is better."""
        return self.relation in (">", ">=")

    @property
    def opposite(self) -> Condition:
        """The condition that holds exactly where this one does not."""
        return replace(self, relation=_OPPOSITES[self.relation])

    def holds(self, share: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell for each share 0..1 of the class in the place whether the condition holds."""
        return np.asarray(_RELATIONS[self.relation](100 * share, self.percent))


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions that must all hold; their text form is that of :func:`semsig.query.parse`.

    A signature holds proportion levels, not shares, so shares are estimated. In a block, a class of
    level 1, 2, 3 or 4 weighs 1, 6, 10 or 14, and its share is its weight over that of all classes
    in the block. Its share of a place is the mean over the place's blocks, 0 in blocks without it.
    A class is absent if, and only if, its share is 0. Over 1,000 label maps of the Wang photos, a
    class's share of the picture is 0.4 percentage points off on average and 3.3 at most for n = 3;
    1.0 and 8.0 for n = 2.

    Parameters
    ----------
    classes : ClassTable
        What the labels mean.
    terms : tuple of Condition
        The conditions.
    """

    classes: ClassTable
    terms: tuple[Condition, ...]

    def __len__(self) -> int:
        return len(self.terms)

    def __str__(self) -> str:
        return ", ".join(_written(term, self.classes) for term in self.terms)

    def shares(self, batch: SbsBatch) -> NDArray[np.float64]:
        """Return the share of its place that each condition's class fills.

        Parameters
        ----------
        batch : SbsBatch
            N signatures over the class table of these conditions.

        Returns
        -------
        ndarray of float64, shape (N, len(self))
            0..1.

        Raises
        ------
        SchemaMismatchError
            If the signatures have other classes.
        QueryError
            If no block of the signatures is small enough to lie in a place.
        """
        if batch.schema.classes.fingerprint != self.classes.fingerprint:
            raise SchemaMismatchError(
                f"These conditions name classes of {self.classes.name!r}, got signatures of "
                f"{batch.schema.describe()}. Parse them with the signatures' class table."
            )
        inside = [term.place.blocks(batch.schema.levels) for term in self.terms]
        shares = np.zeros((len(batch), len(self)))
        for rows in _portions(batch):
            cells = _Cells(batch, rows)
            for column, (term, blocks) in enumerate(zip(self.terms, inside, strict=True)):
                for label in term.labels:
                    shares[rows, column] += cells.shares(label, blocks)
        return shares

    def nearness(self, batch: SbsBatch) -> NDArray[np.float64]:
        """Tell how nearly signatures meet the conditions, those that do not meet all as well.

        The geometric mean over the conditions of (s + e) / (1 + e) where more is better, s being
        the share and e :data:`LEAST`, and of 1 - s where less is; times, for a number asked for,
        the fourth power of the smaller over the larger of it and of the groups of blocks that
        have the class. On scenes of training photos mean average precision is 0.437; that of
        :meth:`evaluate`, where only photos that meet all count, 0.342. Numbers are weak: of the
        first 20 that should show two people, 30 % do, of all with people 19 %.

        Parameters and errors are those of :meth:`shares`.

        Returns
        -------
        ndarray of float64, shape (N,)
            0..1.
        """
        shares = self.shares(batch)
        score = np.ones(len(batch))
        for term, share in zip(self.terms, shares.T, strict=True):
            score *= (share + LEAST) / (1 + LEAST) if term.wants else 1 - share
            if term.count and term.wants:
                groups = count_groups(batch, term.labels)
                score *= (np.minimum(groups, term.count) / np.maximum(groups, term.count)) ** 4
        return np.asarray(score ** (1 / max(1, len(self))))

    def evaluate(self, batch: SbsBatch) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Tell which signatures meet all conditions, and how well.

        Parameters and errors are those of :meth:`shares`.

        Returns
        -------
        met : ndarray of bool, shape (N,)
            Whether all conditions hold.
        score : ndarray of float64, shape (N,)
            0..1: the product over the conditions of the share, or of 1 - share where less is
            better.
        """
        met, score = np.ones(len(batch), np.bool_), np.ones(len(batch))
        for term, share in zip(self.terms, self.shares(batch).T, strict=True):
            met &= term.holds(share)
            score *= share if term.wants else 1 - share
        return met, score


def _portions(batch: SbsBatch) -> Iterator[slice]:
    at_once = max(1, _BLOCKS_AT_ONCE // batch.schema.n_blocks)
    for first in range(0, len(batch), at_once):
        yield slice(first, min(first + at_once, len(batch)))


class _Cells:
    """The cells of some rows of a batch: where they are, and what they weigh."""

    def __init__(self, batch: SbsBatch, rows: slice) -> None:
        offsets = batch.offsets[rows.start : rows.stop + 1]
        codes = batch.cells[offsets[0] : offsets[-1]].astype(np.int64)
        cell, n_classes = codes >> 2, len(batch.schema.classes)
        self._n_rows = len(offsets) - 1
        self._row = np.repeat(np.arange(self._n_rows), np.diff(offsets))
        self._block = cell // n_classes
        self._label = cell - self._block * n_classes
        self._weight = _WEIGHTS[codes & 3]
        self._place = self._row * batch.schema.n_blocks + self._block
        self._total = np.bincount(self._place, self._weight)

    def shares(self, label: int, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the mean share of a class over the blocks that are `inside`, of each row."""
        held = np.flatnonzero(self._label == label)
        held = held[inside[self._block[held]]]
        share = self._weight[held] / self._total[self._place[held]]
        return np.asarray(np.bincount(self._row[held], share, self._n_rows) / inside.sum())


def _written(term: Condition, classes: ClassTable) -> str:
    name = "|".join(_named(classes.names[label]) for label in term.labels)
    name = _named(term.word) if term.word else name
    name += f"*{term.count}" if term.count else ""
    name += "" if term.place == ANYWHERE else f":{term.place.name}"
    if term.percent == 0 and term.relation in (">", "<="):
        return name if term.wants else f"!{name}"
    return f"{name}{term.relation}{repr(term.percent).removesuffix('.0')}%"


def _named(name: str) -> str:
    plain = re.fullmatch(rf"(?!without\s){_WORD}( {_WORD})*", name, re.IGNORECASE)
    return name if plain else '"' + name.replace('"', " ") + '"'
