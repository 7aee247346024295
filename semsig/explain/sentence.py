"""Sentences about one signature, and about what two share and where they differ."""

from __future__ import annotations

from collections.abc import Callable

from semsig.arguments import NOTHING, typed
from semsig.explain.difference import Explanation, align
from semsig.explain.places import Layout
from semsig.explain.words import counted, is_thing, listed, number, plural, spoken
from semsig.types import LabelMap, SbsSignature

_THING_AREA = 0.02
_STUFF_AREA = 0.05
_MUCH_MORE = 0.15
_MOST_SHARED = 4
_MOST_ONLY = 3

Names = tuple[str, str]
Counter = Callable[[int], int]


@typed(a=SbsSignature, b=SbsSignature, maps=(tuple, NOTHING), names=tuple)
def explain(
    a: SbsSignature,
    b: SbsSignature,
    *,
    maps: tuple[LabelMap, LabelMap] | None = None,
    names: Names = ("the first", "the second"),
) -> Explanation:
    """Compare two signatures cell by cell and in words.

    Parameters
    ----------
    a, b : SbsSignature
        Two signatures of one schema.
    maps : pair of LabelMap, optional
        The label maps they were made from: with them the sentence counts objects.
    names : pair of str
        What the sentence calls the two photos.

    Raises
    ------
    SchemaMismatchError
        If the signatures were made with different schemas.
    """
    blocks, labels, levels_a, levels_b = align(a, b)
    return Explanation(
        schema=a.schema,
        blocks=blocks,
        labels=labels,
        levels_a=levels_a,
        levels_b=levels_b,
        sentence=_Comparison(a, b, maps, names).sentence(),
    )


@typed(signature=SbsSignature, label_map=(LabelMap, NOTHING), leave_out=frozenset)
def describe(
    signature: SbsSignature,
    label_map: LabelMap | None = None,
    *,
    leave_out: frozenset[int] = frozenset(),
) -> str:
    """Say what is where: ``"sky on top, two horses lower left and grass below"``.

    Parameters
    ----------
    signature : SbsSignature
        What is described.
    label_map : LabelMap, optional
        The map it was made from: with it objects are counted.
    leave_out : frozenset of int
        Labels that were named already; the text is empty if nothing else is there.
    """
    scene = _Scene(signature, label_map)
    shown = [label for label in scene.by_area() if scene.shows(label) and label not in leave_out]
    parts = [scene.part(label) for label in shown]
    if not parts:
        return "" if leave_out else "nothing that the classes name"
    return listed(parts[: _MOST_SHARED + 1])


class _Scene:
    """One signature's classes: how large, where, how many."""

    def __init__(self, signature: SbsSignature, label_map: LabelMap | None) -> None:
        self.names = signature.schema.classes.names
        self.layout = Layout.of_map(label_map) if label_map else Layout.of_signature(signature)
        self._map = label_map

    def by_area(self) -> list[int]:
        """Labels that occur, the largest first."""
        areas = self.layout.areas
        return sorted((int(c) for c in areas.nonzero()[0]), key=lambda c: (-areas[c], c))

    def shows(self, label: int, fraction: float = 1.0) -> bool:
        least = _THING_AREA if is_thing(self.names[label]) else _STUFF_AREA
        return bool(self.layout.areas[label] >= fraction * least)

    def count(self, label: int) -> int:
        """Objects of a class; 0 where they cannot be counted."""
        if self._map is None or not is_thing(self.names[label]):
            return 0
        from semsig.explain.objects import count_objects

        return count_objects(self._map, label)

    def noun(self, label: int) -> str:
        count = self.count(label)
        return counted(self.names[label], count) if count else spoken(self.names[label])

    def part(self, label: int) -> str:
        place = self.layout.phrase(self.layout.places(label))
        return f"{self.noun(label)} {place}".rstrip()


class _Comparison:
    """The parts of the sentence about two signatures."""

    def __init__(
        self,
        a: SbsSignature,
        b: SbsSignature,
        maps: tuple[LabelMap, LabelMap] | None,
        names: Names,
    ) -> None:
        map_a, map_b = maps or (None, None)
        self.a, self.b = _Scene(a, map_a), _Scene(b, map_b)
        self.names = names
        self.same = a == b

    def sentence(self) -> str:
        shared, moved = self._in_both()
        parts = [f"{listed(shared)} in both"] if shared else ["nothing in the same place in both"]
        if self.same:
            return f"no difference: {parts[0]}" if shared else "no difference"
        parts += moved
        parts += [*self._more(), *self._only(self.a, self.b, 0), *self._only(self.b, self.a, 1)]
        return "; ".join(parts)

    def _labels_in_both(self) -> list[int]:
        """Labels that both show, or one shows and the other nearly does; largest first."""
        a, b = self.a, self.b
        area = a.layout.areas + b.layout.areas
        both = [
            c
            for c in a.by_area()
            if (a.shows(c) and b.shows(c, 0.5)) or (b.shows(c) and a.shows(c, 0.5))
        ]
        return sorted(both, key=lambda c: (-area[c], c))

    def _in_both(self) -> tuple[list[str], list[str]]:
        shared, moved = [], []
        for label in self._labels_in_both():
            in_a, in_b = self.a.layout.places(label), self.b.layout.places(label)
            common = in_a & in_b
            if 2 * len(common) >= min(len(in_a), len(in_b)):
                shared.append(self._shared(label, self.a.layout.phrase(common)))
            else:
                moved.append(self._moved(label))
        return shared[:_MOST_SHARED], moved[:_MOST_ONLY]

    def _shared(self, label: int, place: str) -> str:
        count_a, count_b = self.a.count(label), self.b.count(label)
        if count_a == count_b or not (count_a and count_b):
            return f"{self._noun(label)} {place}".rstrip()
        first, second = self.names
        many = f"{number(count_a)} in {first}, {number(count_b)} in {second}"
        return f"{plural(self.a.names[label])} {place}".rstrip() + f" ({many})"

    def _noun(self, label: int) -> str:
        same = self.a.count(label) == self.b.count(label)
        return self.a.noun(label) if same else spoken(self.a.names[label])

    def _moved(self, label: int) -> str:
        first, second = self.names
        return f"{self.a.part(label)} in {first} but {self._place_b(label)} in {second}"

    def _place_b(self, label: int) -> str:
        count_a, count_b = self.a.count(label), self.b.count(label)
        place = self.b.layout.phrase(self.b.layout.places(label))
        return place if count_a == count_b or not count_b else f"{number(count_b)} {place}"

    def _more(self) -> list[str]:
        parts = []
        for name, more, less in ((0, self.a, self.b), (1, self.b, self.a)):
            labels = [
                c
                for c in self._labels_in_both()
                if more.layout.areas[c] - less.layout.areas[c] >= _MUCH_MORE
            ]
            if labels:
                nouns = listed([self._comparative(more, c) for c in labels])
                parts.append(f"{nouns} in {self.names[name]}")
        return parts

    def _comparative(self, scene: _Scene, label: int) -> str:
        name = scene.names[label]
        if not is_thing(name):
            return f"more {spoken(name)}"
        return f"a larger {spoken(name)}" if scene.count(label) < 2 else f"larger {plural(name)}"

    def _only(self, scene: _Scene, other: _Scene, name: int) -> list[str]:
        labels = [c for c in scene.by_area() if scene.shows(c) and not other.shows(c, 0.5)]
        nouns = [scene.part(c) for c in labels[:_MOST_ONLY]]
        return [f"only {self.names[name]} has {listed(nouns)}"] if nouns else []
