"""Layouts of a dataset's files, and which files of a folder fit one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One layout of a dataset's files.

    Parameters
    ----------
    name : str
        Name shown to people.
    pattern : re.Pattern
        Matches the end of a photo's path, with its suffix or without, from a folder boundary on.
        Its groups: ``class``
        (name of the class), or ``number`` (class = (number - first) // per_class); ``split``
        (queries or searched photos); ``query``, which takes part in the match of queries alone;
        ``file``. All groups together name a photo.
    first, per_class : int
        How a ``number`` is converted to a class.
    """

    name: str
    pattern: re.Pattern[str]
    first: int = 0
    per_class: int = 1

    @classmethod
    def make(cls, name: str, pattern: str, first: int = 0, per_class: int = 1) -> Layout:
        """Return the layout of a regular expression, which ignores case.

        Raises
        ------
        ValueError
            If `pattern` has neither a group ``class`` nor ``number``, or `per_class` is below 1.
        re.error
            If `pattern` is no regular expression.
        """
        whole = re.compile(f"(?:^|/){pattern}$", re.IGNORECASE)
        if not {"class", "number"} & set(whole.groupindex) or per_class < 1:
            raise ValueError(f"pattern {pattern!r} with {per_class} photos per class has no class")
        return cls(name=name, pattern=whole, first=first, per_class=per_class)

    def match(self, file: str) -> re.Match[str] | None:
        """Match a path without its suffix, so that any file type fits; or else the whole path."""
        return self.pattern.search(re.sub(r"\.[^./]*$", "", file)) or self.pattern.search(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a dataset holds when it is complete.

    Parameters
    ----------
    splits : mapping of str to tuple of int
        Photos of each class, for each split; one split named ``""`` where there is no split.
        0 where the number is not fixed.
    classes : tuple of str
        Class names; empty where the classes are only numbered.
    aliases : mapping of str to sequence of str
        Other folder names of a class.
    """

    splits: Mapping[str, tuple[int, ...]]
    classes: tuple[str, ...] = ()
    aliases: Mapping[str, Iterable[str]] = field(default_factory=dict)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(next(iter(self.splits.values())))

    def class_of_folder(self, folder: str) -> str | None:
        """Return the class that a folder's name means; the name itself if classes have none."""
        if not self.classes:
            return folder
        wanted = letters(folder), letters(folder.lstrip("0123456789"))  # such as 01.africa
        known = (
            (c, {letters(name) for name in (c, *self.aliases.get(c, ()))}) for c in self.classes
        )
        return next((c for c, names in known if not names.isdisjoint(wanted)), None)

    def class_of_number(self, number: int) -> str | None:
        """Return the class of a number from 0, None beyond the last."""
        if not 0 <= number < self.n_classes:
            return None
        return self.classes[number] if self.classes else str(number)


@dataclass(frozen=True, slots=True)
class Find:
    """The files of a folder that fit a layout.

    Parameters
    ----------
    layout : Layout
        The layout.
    photos : mapping of str to (str, str)
        Class and split of each file that fits.
    classes : tuple of str
        Class names, in the dataset's order or, where it names none, in natural order.
    queries : frozenset of str
        Those files whose name says that they are queries.
    problem : str
        Why these files cannot be the dataset; empty if they can.
    misfits : mapping of str to str
        What was expected of each file that does not fit.
    """

    layout: Layout
    photos: Mapping[str, tuple[str, str]]
    classes: tuple[str, ...]
    queries: frozenset[str]
    problem: str
    misfits: Mapping[str, str] = field(default_factory=dict)

    @property
    def likeness(self) -> tuple[int, int]:
        """How many classes have photos, and how many photos fit, each counted once."""
        photos = [class_ for file, class_ in self.photos.items() if file not in self.misfits]
        return len(set(photos)), len(photos)

    def gaps(self, content: Content) -> list[tuple[str, str, int, int]]:
        """Return (class, split, found, expected) wherever the two numbers differ."""
        counts = Counter(self.photos.values())
        return [
            (class_, split, counts[class_, split], size)
            for split, sizes in content.splits.items()
            for class_, size in zip(self.classes, sizes, strict=True)
            if counts[class_, split] != (size or counts[class_, split])
        ]


def find_photos(
    layout: Layout, files: Iterable[str], content: Content, kinds: Collection[str] = ()
) -> Find:
    """Sort the files that fit `layout` into classes and splits.

    Parameters
    ----------
    layout : Layout
        The layout to try.
    files : iterable of str
        Paths relative to the dataset's folder, with forward slashes.
    content : Content
        What the dataset holds.
    kinds : collection of str, optional
        Lower-case suffixes of files to take; by default all.
    """
    photos: dict[str, tuple[str, str]] = {}
    seen: dict[tuple[str, ...], str] = {}
    queries: set[str] = set()
    misfits: dict[str, str] = {}
    twice = ""
    for file in files:
        if kinds and not file.lower().endswith(tuple(kinds)):
            misfits[file] = f"expected a file {' or '.join(kinds)}"
            continue
        match = layout.match(file)
        class_ = _class_of(match, layout, content) if match else None
        if match is None or class_ is None:
            misfits[file] = _expected(match, layout, content)
            continue
        key = tuple((group or "").casefold() for group in match.groups())
        if key in seen:
            twice = twice or f"{seen[key]} and {file} would be the same photo"
            misfits[file] = f"would be the same photo as {seen[key]}; keep one"
        seen[key] = file
        if match.groupdict().get("query") is not None:
            queries.add(file)
        photos[file] = class_, match.groupdict("").get("split", "").casefold()
    classes = content.classes or tuple(sorted({c for c, _ in photos.values()}, key=_natural))
    found = Find(layout, photos, classes, frozenset(queries), twice, misfits)
    return replace(found, problem=twice or _problem(found, content))


def _class_of(match: re.Match[str], layout: Layout, content: Content) -> str | None:
    groups = match.groupdict()
    if "class" in groups:
        return content.class_of_folder(groups["class"])
    return content.class_of_number((int(groups["number"]) - layout.first) // layout.per_class)


def _expected(match: re.Match[str] | None, layout: Layout, content: Content) -> str:
    """Say what was expected of a file that does not fit."""
    if match is None:
        return f"expected {layout.name}"
    if "class" in match.groupdict():
        classes = ", ".join(content.classes[:12]) + (", ..." if len(content.classes) > 12 else "")
        return f"expected a class, one of {classes}; got {match['class']!r}"
    last = layout.first + content.n_classes * layout.per_class - 1
    return f"expected a number from {layout.first} to {last:,}; got {int(match['number']):,}"


def _problem(find: Find, content: Content) -> str:
    if not find.photos:
        return "no file has such a name"
    if len(find.classes) != content.n_classes:
        return f"{len(find.classes)} classes instead of {content.n_classes}"
    found_in = set(find.photos.values())
    for split in content.splits:
        absent = [class_ for class_ in find.classes if (class_, split) not in found_in]
        if absent:
            return f"no photos of {', '.join(absent)}{f' in {split}/' if split else ''}"
    for class_, split, found, size in find.gaps(content):
        if found > size:
            place = f"{split}/{class_}" if split else class_
            return f"class {place!r} has {found} photos instead of {size}"
    return ""


def letters(name: str) -> str:
    """Return the letters and digits of a name in small letters."""
    return re.sub(r"[\W_]", "", name.casefold())


def _natural(name: str) -> tuple[int, str]:
    return (int(name) if name.isdecimal() else -1), name
