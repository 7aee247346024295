"""A search as people write it: ``beach with two people on the left, no boat``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NoReturn

from semsig.arguments import NOTHING, expect
from semsig.classes import ClassTable
from semsig.errors import QueryError
from semsig.query.conditions import Condition, Conditions
from semsig.query.grammar import no_class, parse
from semsig.query.lexicon import Lexicon, Meaning, lexicon
from semsig.query.places import ANYWHERE, Place, find_place

SPECKS = 1.0
"""Percent of the picture that an excluded class may still fill, because segmenters leave specks."""

_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_NUMBERS |= {"eight": 8, "nine": 9, "ten": 10, "couple": 2, "pair": 2}
_NEGATIONS = frozenset({"no", "without", "not", "except", "lacking"})
_AFFIRMATIONS = frozenset({"with", "but", "having", "showing"})
_JOINTS = frozenset({"and", "&", "+", "or", "nor", "plus"})
_FILLERS = frozenset({"a", "an", "the", "some", "any", "of", "in", "at", "on", "by", "near", "to"})
_FILLERS |= {"next", "there", "is", "are", "that", "which", "has", "have", "where", "shows"}
_FILLERS |= {"photo", "photos", "picture", "pictures", "image", "images", "scene", "scenes"}
_AROUND_PLACES = frozenset({"in", "at", "on", "to", "the", "a", "of", "corner", "side", "part"})
_FORMAL = re.compile(r"[:<>=!%|*\"]")
_MOST_WORDS = 4
_LONGEST_PLACE = 7


def read_sentence(text: str, classes: ClassTable, words: Lexicon | None = None) -> Conditions:
    """Read from a sentence what hits should show and lack.

    Commas, "and" and "with" join; "no", "without" and "not" hold up to the next comma, "but",
    "with" or number; numbers ("two people") rank and exclude nothing; "or" joins classes of which
    any will do; places ("on the left", "at the top") belong to what they follow, or to what
    follows them. A part between commas that has signs of :func:`parse` is read by its grammar.

    Parameters
    ----------
    text : str
        The sentence.
    classes : ClassTable
        The classes that it may name.
    words : Lexicon, optional
        Words for them; :func:`semsig.query.lexicon` by default.

    Raises
    ------
    QueryError
        If a word is unknown, where the message marks it and names what is close; or if the
        sentence names nothing.

    Examples
    --------
    >>> table = ClassTable(["sky", "sea", "sand", "person", "boat"])
    >>> print(read_sentence("a beach with two people on the left, no boats", table))
    sand, sea, person*2:left, boat<=1%
    """
    expect("text", text, str)
    expect("classes", classes, ClassTable)
    expect("words", words, (Lexicon, NOTHING))
    known = words or lexicon()
    terms: list[Condition] = []
    for part in re.finditer(r'(?:[^,;"]|"[^"]*")+', text):
        if _FORMAL.search(part[0]):
            terms += parse(part[0], classes, known).terms
        else:
            terms += _Clause(text, part.span(), classes, known).terms()
    if not terms:
        raise QueryError(f"Expected a photo that is there or words such as 'beach', got {text!r}.")
    return Conditions(classes, tuple(terms))


@dataclass(slots=True)
class _Clause:
    """What stands between commas, read from left to right."""

    text: str
    span: tuple[int, int]
    classes: ClassTable
    lexicon: Lexicon
    _terms: list[Condition] = field(default_factory=list)
    _last: int = 0
    _negated: bool = False
    _count: int = 0
    _either: bool = False
    _place: Place = ANYWHERE

    def terms(self) -> list[Condition]:
        start, stop = self.span
        found = [m for m in re.finditer(r"[\w'&+-]+", self.text[:stop]) if m.start() >= start]
        words = [m[0].casefold() for m in found]
        at = 0
        while at < len(words):
            taken = self._word(words[at]) or self._where(words[at:]) or self._named(words[at:])
            if not taken and words[at] in _FILLERS:
                taken = 1
            if not taken:
                self._refuse(found[at])
            at += taken
        return self._terms

    def _word(self, word: str) -> int:
        """Take a word that joins, negates or counts."""
        if word in _NEGATIONS:
            self._negated = True
        elif word in _AFFIRMATIONS:
            self._negated = False
        elif word in _JOINTS:
            self._either = word == "or" and bool(self._terms) and not self._negated
        elif word in _NUMBERS or word.isdecimal():
            self._count = _NUMBERS.get(word) or min(int(word), 9999)
            self._negated = False
        else:
            return 0
        return 1

    def _where(self, words: list[str]) -> int:
        """Take a place, the longest that the words begin with."""
        for length in range(min(_LONGEST_PLACE, len(words)), 0, -1):
            named = [word for word in words[:length] if word not in _AROUND_PLACES]
            place = find_place(" ".join(named)) if named else None
            if place:
                self._put(place)
                return length
        return 0

    def _put(self, place: Place) -> None:
        """Give a place to what was named last, or else to what will be named next."""
        if self._terms and self._place is ANYWHERE:
            last = self._terms[self._last :]
            self._terms[self._last :] = [replace(term, place=place) for term in last]
        else:
            self._place = place

    def _named(self, words: list[str]) -> int:
        """Take the longest name of classes or a scene that the words begin with."""
        for length in range(min(_MOST_WORDS, len(words)), 0, -1):
            meaning = self.lexicon.meaning(" ".join(words[:length]), self.classes)
            if meaning:
                self._add(meaning, " ".join(words[:length]))
                return length
        return 0

    def _add(self, meaning: Meaning, name: str) -> None:
        if len(meaning) > 1 and self._negated:
            raise QueryError(
                f"{name!r} is a scene, which cannot be left out; name the classes of it that are "
                f"not to be there: {', '.join(self.classes.names[g[0]] for g in meaning)}."
            )
        if self._either and len(meaning) == 1 and len(self._terms) - self._last == 1:
            before = self._terms[-1]
            labels = dict.fromkeys((*before.also, *meaning[0]))
            also = tuple(label for label in labels if label != before.label)
            self._terms[-1] = replace(before, also=also, word="")
        else:
            self._last = len(self._terms)
            word = name if len(meaning) == 1 and len(meaning[0]) > 1 else ""
            self._terms += [replace(self._condition(group), word=word) for group in meaning]
        self._count, self._place, self._either = 0, ANYWHERE, False

    def _condition(self, group: tuple[int, ...]) -> Condition:
        wanted = Condition(label=group[0], also=group[1:], place=self._place, count=self._count)
        if not self._negated:
            return wanted
        return replace(wanted, relation="<=", percent=SPECKS, count=0)

    def _refuse(self, word: re.Match[str]) -> NoReturn:
        message = no_class(word[0], [], self.lexicon, self.classes)
        raise QueryError(message, text=re.sub(r"\s", " ", self.text), span=word.span())
