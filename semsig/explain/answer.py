"""A sentence about what a photo shows of the things that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semsig.explain.places import Layout
from semsig.explain.sentence import describe
from semsig.explain.words import counted, listed, spoken
from semsig.types import SbsSignature

_TRACE = 0.005
_SPECKS = 1.0
_RELATIONS = {">": "over", ">=": "at least", "<": "under", "<=": "at most"}


class Where(Protocol):
    """The place that a condition is about."""

    @property
    def name(self) -> str:
        """What it is called."""

    def blocks(self, levels: int) -> NDArray[np.bool_]:
        """Tell which blocks lie in it."""


class Asked(Protocol):
    """A condition: which classes, where, whether more of them is better, and how many."""

    @property
    def place(self) -> Where:
        """Where they are asked for."""

    @property
    def labels(self) -> tuple[int, ...]:
        """Labels of the classes, any of which counts."""

    @property
    def word(self) -> str:
        """What the classes together are called; empty where they have no name."""

    @property
    def wants(self) -> bool:
        """Whether more is better."""

    @property
    def count(self) -> int:
        """How many; 0 for any number."""


class Measured(Asked, Protocol):
    """A condition with the share of its place that it asks for."""

    @property
    def relation(self) -> str:
        """How the share compares: >, >=, < or <=."""

    @property
    def percent(self) -> float:
        """The share, 0..100."""


def answer(signature: SbsSignature, asked: Sequence[Asked]) -> str:
    """Say what a photo shows, naming all that was asked for, there or not.

    Parameters
    ----------
    signature : SbsSignature
        The photo's.
    asked : sequence of Condition
        What was asked for, over the signature's classes.

    Returns
    -------
    str
        What was asked for and is there, with its place; what is missing; what should be absent,
        and whether it is; then what else there is.
    """
    layout, names = Layout.of_signature(signature), signature.schema.classes.names
    there: dict[int, str] = {}
    missing, absent, unwanted = [], [], []
    for term in asked:
        here = signature.labels[term.place.blocks(signature.schema.levels)[signature.blocks]]
        present = [label for label in term.labels if (here == label).any()]
        if term.wants and present:
            most = max(present, key=lambda label: float(layout.areas[label]))
            there[most] = _there(most, layout, names)
        elif term.wants:
            missing.append(_either(term, names, term.count))
        elif present:
            most = max(present, key=lambda label: float(layout.areas[label]))
            unwanted.append(_there(most, layout, names))
        else:
            absent.append(_either(term, names, 0))
    parts = [listed(list(there.values()))] if there else []
    parts += [f"without the {listed(missing)} asked for"] if missing else []
    parts += [f"no {listed(absent)}"] if absent else []
    parts += [f"but {listed(unwanted)}"] if unwanted else []
    others = describe(signature, leave_out=frozenset(there))
    others = "" if others.startswith("nothing") and parts else others
    return "; ".join([*parts, f"also {others}"] if others else parts)


def request(asked: Sequence[Measured], names: Sequence[str]) -> str:
    """Say in words what was asked for: ``"sand, sea and two people; no boat"``.

    Parameters
    ----------
    asked : sequence of Condition
        What was asked for.
    names : sequence of str
        Names of the classes.
    """
    wanted = [_asked_for(term, names) for term in asked if term.wants]
    others = [_asked_for(term, names) for term in asked if not term.wants]
    return "; ".join(listed(parts) for parts in (wanted, others) if parts)


def _asked_for(term: Measured, names: Sequence[str]) -> str:
    text = _either(term, names, term.count)
    if not term.wants and term.percent <= _SPECKS:
        return f"no {text}"
    amount = f"{_RELATIONS[term.relation]} {term.percent:g}%"
    return text if term.wants and not term.percent else f"{text} {amount}"


def _there(label: int, layout: Layout, names: Sequence[str]) -> str:
    place = layout.phrase(layout.places(label))
    little = "a little " if layout.areas[label] < _TRACE else ""
    return f"{little}{spoken(names[label])} {place}".rstrip()


def _either(term: Asked, names: Sequence[str], count: int) -> str:
    """Name classes that are not there, and the place that they are not in."""
    words = [spoken(names[label]) for label in term.labels]
    if count and len(words) == 1:
        words = [counted(names[term.labels[0]], count)]
    words = [term.word] if term.word else words
    text = " or ".join(words if len(words) <= 3 else [*words[:2], f"{len(words) - 2} others"])
    place = term.place.name.replace("-", " ")
    return text if place == "anywhere" else f"{text} ({place})"
