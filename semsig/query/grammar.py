"""The grammar of conditions: ``sky:top, horse>10%, road:bottom-left, !person``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from semsig.arguments import expect
from semsig.classes import ClassTable
from semsig.errors import QueryError
from semsig.query.conditions import Condition, Conditions, Relation
from semsig.query.places import ANYWHERE, PLACES, Place, find_place

_MOST_NAMED = 12
_RELATIONS: dict[str, Relation] = {">": ">", ">=": ">=", "<": "<", "<=": "<="}


Words = str | Iterable[str]
"""Conditions in one text or several; all of them hold."""


def parse(text: Words, classes: ClassTable) -> Conditions:
    r"""Read conditions on what is where in a picture.

    The grammar, in which spaces count for nothing outside of names::

        conditions = condition { "," condition }             all of them hold
        condition  = [ "!" | "without" ] class [ ":" place ] [ relation share ]
        relation   = ">" | ">=" | "<" | "<="
        share      = number "%"                              of the place, or of the picture
        class      = name | '"' name '"'                     quotes where it holds , : < > = ! %
        place      = a name of semsig.query.PLACES

    Without a share, a class is there if any block of the place has a trace of it. "!" and
    "without" turn a condition round: ``!person`` has no trace of a person, ``!person>1%`` lets
    specks pass, which segmenters leave in many pictures; it is the same as ``person<=1%``.
    Case, hyphens, underscores and spaces in names are all the same.

    Parameters
    ----------
    text : str or iterable of str
        The conditions.
    classes : ClassTable
        The classes that they may name.

    Raises
    ------
    QueryError
        If a text cannot be understood, where the message marks the place and names what is
        close; or if something else than texts came.

    Examples
    --------
    >>> table = ClassTable(["sky", "horse", "traffic_light"])
    >>> print(parse("SKY:upper left, traffic light >= 5 %, without horse", table))
    sky:top-left, traffic_light>=5%, !horse
    """
    expect("classes", classes, ClassTable)
    if not isinstance(text, Iterable):
        raise QueryError(f"Conditions are texts, such as 'sky:top, !person'; {text!r} came.")
    texts: list[str] = [text] if isinstance(text, str) else list(text)
    for each in texts:
        if not isinstance(each, str):
            raise QueryError(f"Conditions are texts, such as 'sky:top, !person'; {each!r} came.")
    return Conditions(classes, tuple(t for each in texts for t in _Reader(each, classes).terms()))


def parse_absent(text: Words, classes: ClassTable) -> Conditions:
    """Read what is not to be there, such as ``"person>1%, car"``, and return the opposite.

    Raises
    ------
    QueryError
        If a text cannot be understood, or asks for little of a class or for none.
    """
    unwanted = parse(text, classes)
    for term in unwanted.terms:
        if not term.wants:
            raise QueryError(
                "Name what is to be left out, such as person, sky:top or car>1%; "
                f"{str(Conditions(classes, (term,)))!r} came."
            )
    return Conditions(classes, tuple(term.opposite for term in unwanted.terms))


class _Reader:
    """Reads a text from left to right."""

    def __init__(self, text: str, classes: ClassTable) -> None:
        self._text = re.sub(r"\s", " ", text).rstrip()
        self._classes = classes
        self._at = 0

    def terms(self) -> list[Condition]:
        terms = [self._condition()]
        while self._take(","):
            terms.append(self._condition())
        if self._at < len(self._text):
            self._refuse(
                "Expected a comma, :PLACE, or one of > >= < <= with a share such as 10%.",
                (self._at, self._at + 1),
            )
        return terms

    def _condition(self) -> Condition:
        turned = self._take(r"!|without(?=[\s\"])")
        condition = self._plain_condition()
        return condition.opposite if turned else condition

    def _plain_condition(self) -> Condition:
        label = self._class()
        place = self._place() if self._take(":") else ANYWHERE
        sign = self._take(r"[<>]=?")
        if not sign:
            return Condition(label=label, place=place)
        relation = _RELATIONS[sign[0]]
        return Condition(label=label, place=place, relation=relation, percent=self._percent())

    def _class(self) -> int:
        found = self._take(r'"[^"]+"|[^,:<>=!"%]+')
        if not found:
            known = "such as " + ", ".join(map(repr, self._classes.names[:3]))
            self._refuse(f"Expected a class, {known}.", (self._at, self._at + 1))
        name = found[0].strip('" ')
        if name in self._classes.names:
            return self._classes.index(name)
        plain = [_plain(known) for known in self._classes.names]
        labels = [label for label, known in enumerate(plain) if known == _plain(name)]
        if len(labels) != 1:
            self._refuse(_no_class(name, labels, plain, self._classes), _trimmed(found))
        return labels[0]

    def _place(self) -> Place:
        found = self._take(r'[^,:<>=!"%]+')
        place = found and find_place(found[0])
        if place:
            return place
        span = _trimmed(found) if found else (self._at, self._at + 1)
        return self._refuse(f"Expected a place: {', '.join(PLACES)}.", span)

    def _percent(self) -> float:
        found = self._take(r"(\d+(?:\.\d*)?|\.\d+)\s*%")
        if not found or float(found[1]) > 100:
            span = _trimmed(found) if found else (self._at, self._at + 1)
            self._refuse("Expected a share from 0% to 100%, with its percent sign.", span)
        return float(found[1])

    def _take(self, pattern: str) -> re.Match[str] | None:
        """Move over spaces and what `pattern` matches; return None if it does not match here."""
        while self._text[self._at :].startswith(" "):
            self._at += 1
        found = re.compile(pattern, re.IGNORECASE | re.ASCII).match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _refuse(self, message: str, span: tuple[int, int]) -> NoReturn:
        raise QueryError(message, text=self._text, span=span)


def _plain(name: str) -> str:
    return " ".join(re.split(r'[\s_"-]+', name.strip().casefold()))


def _trimmed(found: re.Match[str]) -> tuple[int, int]:
    return found.start(), found.start() + len(found[0].rstrip())


def _no_class(name: str, labels: list[int], plain: list[str], classes: ClassTable) -> str:
    """Say that a name means several classes, or none, and which are close."""
    if labels:
        meant = ", ".join(repr(classes.names[label]) for label in labels)
        return f"{name!r} may mean {meant}; write one of them as it is."
    if find_place(name):
        return f"{name!r} is a place, no class; a condition reads CLASS:PLACE."
    close = get_close_matches(_plain(name), plain, n=5)
    if close:
        names = ", ".join(repr(classes.names[plain.index(known)]) for known in close)
        return f"Table {classes.name!r} has no class {name!r}; did you mean {names}?"
    names = ", ".join(classes.names[:_MOST_NAMED]) + (", ..." * (len(classes) > _MOST_NAMED))
    return f"Table {classes.name!r} has no class {name!r}; it has {names}"
