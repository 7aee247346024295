"""Words that people use: plurals, synonyms, kinds of things and scenes, as classes of a table."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self

from semsig.arguments import PATH, typed
from semsig.classes import ClassTable
from semsig.documents import parse_toml
from semsig.durable import read_regular
from semsig.errors import QueryError

VARIABLE = "SEMSIG_WORDS"
"""Environment variable that names files of the user's own words, separated as in PATH."""

Meaning = tuple[tuple[int, ...], ...]
"""What a word stands for: all of these groups, and any label of each group."""

_IRREGULAR = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "mice": "mouse",
    "geese": "goose",
    "knives": "knife",
    "wolves": "wolf",
    "shelves": "shelf",
    "leaves": "leaf",
    "oxen": "ox",
}
_ENDINGS = (("ies", "y"), ("es", ""), ("s", ""))
_TABLES = ("kinds", "any", "scenes")


@dataclass(frozen=True)
class Lexicon:
    """Words for classes, whatever a class table calls them.

    A word is looked up in this order: a class of that name; classes of the same meaning; the class
    that it is a kind of; a word for any of several classes; a scene, for all of several. A word
    that none of these resolves is unknown in that table.

    Parameters
    ----------
    same : tuple of tuple of str
        Words of one meaning.
    kinds, any, scenes : mapping of str to tuple of str
        A class and words for some of what it holds; a word and the words of which any counts;
        a scene and the words of which all count.
    """

    same: tuple[tuple[str, ...], ...]
    kinds: Mapping[str, tuple[str, ...]]
    any: Mapping[str, tuple[str, ...]]
    scenes: Mapping[str, tuple[str, ...]]

    @classmethod
    @typed(path=PATH)
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read a TOML file: ``same``, a list of lists, and tables ``kinds``, ``any``, ``scenes``.

        Raises
        ------
        QueryError
            If it cannot be read, or holds anything else.
        """
        try:
            facts = parse_toml(read_regular(path))
            return cls._of(facts)
        except (OSError, ValueError) as error:
            raise QueryError(f"{path} holds no words in TOML: {error}") from error

    @classmethod
    def _of(cls, facts: Mapping[str, Any]) -> Self:
        unknown = facts.keys() - {"same", *_TABLES}
        if unknown:
            raise ValueError(f"expected same, kinds, any and scenes, got {', '.join(unknown)}")
        same = facts.get("same", [])
        lists = [same] if isinstance(same, list) else [[same]]
        tables = [facts.get(name, {}) for name in _TABLES]
        if not all(isinstance(table, dict) for table in tables):
            raise ValueError("expected tables [kinds], [any] and [scenes] of WORD = [words]")
        words = [*lists[0], *(words for table in tables for words in table.values())]
        if not all(isinstance(w, list) and all(isinstance(x, str) for x in w) for w in words):
            raise ValueError('expected lists of words, such as beach = ["sand", "sea"]')
        return cls(
            tuple(tuple(map(plain, words)) for words in same),
            *({plain(w): tuple(map(plain, words)) for w, words in t.items()} for t in tables),
        )

    def extended(self, other: Lexicon) -> Lexicon:
        """Return the words of both; where both have a word of [any] or [scenes], the other's."""
        kinds = {
            name: (*self.kinds.get(name, ()), *other.kinds.get(name, ()))
            for name in (*self.kinds, *other.kinds)
        }
        return Lexicon(
            same=(*other.same, *self.same),
            kinds=kinds,
            any={**self.any, **other.any},
            scenes={**self.scenes, **other.scenes},
        )

    def meaning(self, word: str, classes: ClassTable) -> Meaning:
        """Return what a word stands for in a class table; nothing where it is unknown there."""
        for form in singulars(plain(word)):
            labels = self._labels(form, classes) or self._any(form, classes)
            if labels:
                return (labels,)
            parts = [self._part(part, classes) for part in self.scenes.get(form, ())]
            if parts and all(parts):
                return tuple(parts)
        return ()

    def words(self, classes: ClassTable) -> list[str]:
        """Return all words that stand for something in a class table, its own names as well."""
        return list(_known(self, classes))

    def _labels(self, word: str, classes: ClassTable) -> tuple[int, ...]:
        """Labels of the class of this name, or of the same meaning, or of which it is a kind."""
        names = _names(classes)
        if word in names:
            return names[word]
        alike = [other for words in self.same if word in words for other in words]
        holders = [name for name, words in self.kinds.items() if word in words]
        for candidates in (alike, holders):
            labels = _union(names.get(name, ()) for name in candidates)
            if labels:
                return labels
        deeper = [other for h in holders for words in self.same if h in words for other in words]
        return _union(names.get(name, ()) for name in deeper)

    def _any(self, word: str, classes: ClassTable) -> tuple[int, ...]:
        return _union(self._labels(part, classes) for part in self.any.get(word, ()))

    def _part(self, word: str, classes: ClassTable) -> tuple[int, ...]:
        return self._labels(word, classes) or self._any(word, classes)

    def __hash__(self) -> int:
        return id(self)


def lexicon() -> Lexicon:
    """Return the package's words, and those of the files that :data:`VARIABLE` names.

    Raises
    ------
    QueryError
        If such a file cannot be read.
    """
    return _lexicon(os.environ.get(VARIABLE, ""))


@lru_cache(maxsize=8)
def _lexicon(files: str) -> Lexicon:
    words = _packaged()
    for file in filter(None, files.split(os.pathsep)):
        words = words.extended(Lexicon.open(file))
    return words


@cache
def _packaged() -> Lexicon:
    return Lexicon.open(Path(__file__).with_name("words.toml"))


@lru_cache(maxsize=8)
def _known(lexicon: Lexicon, classes: ClassTable) -> tuple[str, ...]:
    own = (*lexicon.any, *lexicon.scenes, *(w for words in lexicon.same for w in words))
    kinds = (word for words in lexicon.kinds.values() for word in words)
    known = {word for word in (*own, *kinds) if lexicon.meaning(word, classes)}
    return tuple(sorted(known | {plain(name) for name in classes.names}))


@lru_cache(maxsize=64)
def _names(classes: ClassTable) -> Mapping[str, tuple[int, ...]]:
    names: dict[str, tuple[int, ...]] = {}
    for label, name in enumerate(classes.names):
        names[plain(name)] = (*names.get(plain(name), ()), label)
    return names


def _union(groups: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(label for labels in groups for label in labels))


def plain(name: str) -> str:
    """Return a name in small letters, its words with one space between them."""
    return " ".join(re.split(r'[\s_"-]+', name.strip().casefold()))


def singulars(word: str) -> list[str]:
    """Return a word and the singulars that it may be the plural of, judged by its last word."""
    *front, last = word.split(" ")
    forms = [last, *([_IRREGULAR[last]] if last in _IRREGULAR else [])]
    forms += [last[: -len(end)] + to for end, to in _ENDINGS if last.endswith(end)]
    return [" ".join([*front, form]) for form in forms if form]
