"""The grammar of conditions: ``sky:top, horse>10%, road:bottom-left, !person``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from semsig.arguments import NOTHING, expect
from semsig.classes import ClassTable
from semsig.errors import QueryError
from semsig.query.conditions import Condition, Conditions, Relation
from semsig.query.lexicon import Lexicon, Meaning, lexicon, plain
from semsig.query.places import ANYWHERE, PLACES, Place, find_place

_MOST_NAMED = 12
_SCENE_TURNED = "A scene cannot be left out; name the classes of it that are not to be there."
_RELATIONS: dict[str, Relation] = {">": ">", ">=": ">=", "<": "<", "<=": "<="}


Words = str | Iterable[str] | Conditions
"""Conditions in one or more texts, or already parsed; all of them must hold."""


def parse(text: Words, classes: ClassTable, words: Lexicon | None = None) -> Conditions:
    r"""Read conditions on what is where in a picture.

    The grammar, in which spaces count for nothing outside of names::

        conditions = condition { "," condition }             all of them hold
        condition  = [ "!" | "without" ] classes [ "*" count ] [ ":" place ] [ relation share ]
        classes    = class { "|" class }                     any of them
        relation   = ">" | ">=" | "<" | "<="
        share      = number "%"                              of the place, or of the picture
        class      = name | '"' name '"'                     quotes where it holds , : < > = ! % | *
        place      = a name of semsig.query.PLACES

    Without a share, a class is there if any block of the place has a trace of it. "!" and
    "without" turn a condition round: ``!person`` has no trace of a person, ``!person>1%`` tolerates
    the specks that segmenters leave in many pictures; it is the same as ``person<=1%``.
    Case, hyphens, underscores and spaces in names are all the same. Words of
    :class:`~semsig.query.lexicon.Lexicon` stand for classes: ``people``, ``animals``, and scenes
    such as ``beach``, all of whose parts are to be there. A count ranks and excludes nothing.

    Parameters
    ----------
    text : str, iterable of str, or Conditions
        The conditions; parsed ones are returned as they are.
    classes : ClassTable
        The classes that they may name.
    words : Lexicon, optional
        Words for them; :func:`semsig.query.lexicon` by default.

    Raises
    ------
    QueryError
        If a text cannot be understood, where the message marks the place and names what is
        close; or if something other than text is given.

    Examples
    --------
    >>> table = ClassTable(["sky", "horse", "traffic_light"])
    >>> print(parse("SKY:upper left, traffic light >= 5 %, without horse", table))
    sky:top-left, traffic_light>=5%, !horse
    """
    expect("classes", classes, ClassTable)
    expect("words", words, (Lexicon, NOTHING))
    if isinstance(text, Conditions):
        if text.classes.fingerprint != classes.fingerprint:
            raise QueryError(
                f"Expected conditions over the classes of {classes.name!r}, got some over "
                f"{text.classes.name!r}; read them with this class table."
            )
        return text
    if not isinstance(text, Iterable):
        raise QueryError(f"Conditions are texts, such as 'sky:top, !person', got {text!r}.")
    texts: list[str] = [text] if isinstance(text, str) else list(text)
    for each in texts:
        if not isinstance(each, str):
            raise QueryError(f"Conditions are texts, such as 'sky:top, !person', got {each!r}.")
    known = words or lexicon()
    readers = (_Reader(each, classes, known) for each in texts)
    return Conditions(classes, tuple(term for reader in readers for term in reader.terms()))


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
                "Expected what is to be left out, such as person, sky:top or car>1%, "
                f"got {str(Conditions(classes, (term,)))!r}."
            )
    return Conditions(classes, tuple(term.opposite for term in unwanted.terms))


class _Reader:
    """Reads a text from left to right."""

    def __init__(self, text: str, classes: ClassTable, words: Lexicon) -> None:
        self._text = re.sub(r"\s", " ", text).rstrip()
        self._classes = classes
        self._lexicon = words
        self._at = 0

    def terms(self) -> list[Condition]:
        terms = self._condition()
        while self._take(","):
            terms += self._condition()
        if self._at < len(self._text):
            self._refuse(
                "Expected a comma, :PLACE, or one of > >= < <= with a share such as 10%.",
                (self._at, self._at + 1),
            )
        return terms

    def _condition(self) -> list[Condition]:
        turned = self._take(r"!|without(?=[\s\"])")
        start = self._at
        conditions = self._plain_condition()
        if len(conditions) > 1 and turned:
            self._refuse(_SCENE_TURNED, (start, self._at))
        return [c.opposite for c in conditions] if turned else conditions

    def _plain_condition(self) -> list[Condition]:
        self._take(r"(?=.)")
        start = self._at
        groups = self._classes_named()
        named = self._text[start : self._at].strip()
        word = named if _is_word(named, groups) else ""
        count = self._take(r"\*\s*(\d{1,4})")
        place = self._place() if self._take(":") else ANYWHERE
        sign = self._take(r"[<>]=?")
        share = {"relation": _RELATIONS[sign[0]], "percent": self._percent()} if sign else {}
        number = int(count[1]) if count else 0
        return [
            Condition(label=g[0], also=g[1:], place=place, count=number, word=word, **share)  # type: ignore[arg-type]
            for g in groups
        ]

    def _classes_named(self) -> Meaning:
        start, groups = self._at, self._class()
        while self._take(r"\|"):
            more = self._class()
            if len(groups) > 1 or len(more) > 1:
                self._refuse("Expected classes on both sides of |, got a scene.", (start, self._at))
            groups = (tuple(dict.fromkeys(groups[0] + more[0])),)
        return groups

    def _class(self) -> Meaning:
        found = self._take(r'"[^"]+"|[^,:<>=!"%|*]+')
        if not found:
            known = "such as " + ", ".join(map(repr, self._classes.names[:3]))
            self._refuse(f"Expected a class, {known}.", (self._at, self._at + 1))
        name = found[0].strip('" ')
        if name in self._classes.names:
            return ((self._classes.index(name),),)
        names = [plain(known) for known in self._classes.names]
        labels = [label for label, known in enumerate(names) if known == plain(name)]
        meaning: Meaning = ((labels[0],),) if len(labels) == 1 else ()
        meaning = meaning or (() if labels else self._lexicon.meaning(name, self._classes))
        if not meaning:
            self._refuse(no_class(name, labels, self._lexicon, self._classes), _trimmed(found))
        return meaning

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
        """Skip spaces and match `pattern`; return None if it does not match here."""
        while self._text[self._at :].startswith(" "):
            self._at += 1
        found = re.compile(pattern, re.IGNORECASE | re.ASCII).match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _refuse(self, message: str, span: tuple[int, int]) -> NoReturn:
        raise QueryError(message, text=self._text, span=span)


def _is_word(named: str, groups: Meaning) -> bool:
    """Tell whether one word, unquoted, stood for several classes of which any counts."""
    return len(groups) == 1 and len(groups[0]) > 1 and not re.search(r'[|"]', named)


def _trimmed(found: re.Match[str]) -> tuple[int, int]:
    return found.start(), found.start() + len(found[0].rstrip())


def no_class(name: str, labels: list[int], words: Lexicon, classes: ClassTable) -> str:
    """Say that a name means several classes, or none, and which words are close."""
    if labels:
        meant = ", ".join(repr(classes.names[label]) for label in labels)
        return f"{name!r} may mean {meant}; write one of them as it is."
    if find_place(name):
        return f"{name!r} is a place, no class; a condition reads CLASS:PLACE."
    own = {plain(known): known for known in reversed(classes.names)}
    close = get_close_matches(plain(name), words.words(classes), n=5)
    if close:
        names = ", ".join(repr(own.get(word, word)) for word in close)
        return f"Table {classes.name!r} has no class {name!r}; did you mean {names}?"
    names = ", ".join(classes.names[:_MOST_NAMED]) + (", ..." * (len(classes) > _MOST_NAMED))
    more = "; `semsig info` lists those of an index" if len(classes) > _MOST_NAMED else ""
    return f"Table {classes.name!r} has no class {name!r}; it has {names}{more}"
