"""Which label file belongs to which photo: by file name, allowing for exporters' changes."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from semsig.photo.formats import read_suffixes

Place = tuple[str, ...]
"""A sub-folder's path below the folder of label maps, part by part."""

_KINDS = r"\.(?:jpe?g|jpe|jfif|png|bmp|dib|tiff?|webp|gif|heic|heif|avif|jp2|jxl|dng|nef|cr2|arw)"
_LABEL_WORDS = (
    "masks?|segs?|segmentations?|segmented|segmap|semantics?|sem|semseg|parsing|pixels?[0-9]?"
    "|l|p|gt|gts|ground[_-]?truths?|gtfine|gtcoarse|annotations?|annotated|annots?|annos?|ann"
    "|labell?ed|labels?|label[_-]?maps?|label[_-]?img|class|classes|class[_-]?ids?|colou?rs?"
    "|ids?|(?:label[_-]?)?train[_-]?ids?|label[_-]?ids?|labellevel[0-9]ids|watershed|png"
)
_PHOTO_WORDS = "leftimg8bit|rgb|anon|sat|images?|imgs?|im|photo"
_LABEL_END = re.compile(rf"(?:[_\-. ]+(?:{_LABEL_WORDS})|{_KINDS})$", re.IGNORECASE)
_PHOTO_END = re.compile(rf"(?:[_\-. ]+(?:{_PHOTO_WORDS})|{_KINDS})$", re.IGNORECASE)
_INFINITE = 1_000
_MSRC = "_GT"  # MSRC names the ground truth of 1_1_s.bmp 1_1_s_GT.bmp, perhaps beside it


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A label file and its place below the folder of label maps."""

    path: Path
    place: Place


def fold(name: str) -> str:
    """Return a name in one normal form and without case, the same in every locale."""
    known = os.fsencode(name).decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", known).casefold())


class LabelFiles:
    """Label files, looked up by photo.

    Parameters
    ----------
    files : iterable of LabelFile
        The files.
    """

    def __init__(self, files: Iterable[LabelFile]) -> None:
        self._by_name: dict[str, list[LabelFile]] = {}
        for file in files:
            for name in _names(file.path.stem, _LABEL_END):
                self._by_name.setdefault(fold(name), []).append(file)
        self._folders: dict[Path, _PhotoFolder] = {}

    def of(self, photo: Path) -> list[LabelFile]:
        """Return the label files that fit a photo at an absolute path equally well.

        Candidates are those in the deepest sub-folder that the photo's folder ends with, else
        those in all; of these the ones nearest to the photo by :func:`distance` are returned. A
        file that is nearer to another photo of the same folder belongs to that one.
        """
        names = {fold(name) for name in _photo_names(photo.name)}
        files = dict.fromkeys(file for name in names for file in self._by_name.get(name, ()))
        found = {file: distance(file.path.stem, photo.name) for file in files}
        beside = self._photos_beside(photo)
        found = {f: far for f, far in found.items() if not beside.has_nearer(f.path, photo, far)}
        depths = {file: _depth(file.place, photo.parent.parts) for file in found}
        deepest = max(depths.values(), default=(0, 0))
        near = {file: far for file, far in found.items() if depths[file] == deepest}
        best = min(near.values(), default=0)
        return [file for file, far in near.items() if far == best]

    def _photos_beside(self, photo: Path) -> _PhotoFolder:
        folder = photo.parent
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            changed = 0
        known = self._folders.get(folder)
        if known is None or known.changed != changed:
            known = self._folders[folder] = _PhotoFolder(folder, changed)
        return known


class _PhotoFolder:
    """The photos of a folder by the names that their label files may have."""

    def __init__(self, folder: Path, changed: int) -> None:
        self.changed = changed
        self._folder = folder
        self._by_name: dict[str, list[str]] = {}
        try:
            found = [entry.name for entry in os.scandir(folder)]
        except OSError:
            found = []
        for photo in found:
            if os.path.splitext(photo)[1].lower() in read_suffixes():  # noqa: PTH122
                for name in _photo_names(photo):
                    self._by_name.setdefault(fold(name), []).append(photo)

    def has_nearer(self, label: Path, photo: Path, far: int) -> bool:
        """Tell whether a label file is the photo itself, or nearer to another one here."""
        own = os.path.realpath(label)
        if own == os.path.realpath(photo):
            return True
        names = {fold(name) for name in _names(label.stem, _LABEL_END)}
        others = {other for name in names for other in self._by_name.get(name, ())} - {photo.name}
        return any(
            distance(label.stem, other) < far and os.path.realpath(self._folder / other) != own
            for other in others
        )


def distance(label: str, photo: str) -> int:
    """Return how far a label file's stem is from a photo's file name.

    0, 1 and 2 for the photo's stem with MSRC's ``_GT``, its whole name, and its exact stem; beyond
    that it grows with each ending that one of them has, and is less where the rest is spelled
    alike. Unrelated names are infinitely far apart.
    """
    stem = os.path.splitext(photo)[0]  # noqa: PTH122
    exact = (stem + _MSRC, photo, stem)
    if label in exact:
        return exact.index(label)
    ways = (
        2 * (endings + further) + (name != short)
        for further, short in enumerate(_names(label, _LABEL_END))
        for endings, name in [(0, photo), *enumerate(_names(stem, _PHOTO_END))]
        if fold(name) == fold(short)
    )
    return len(exact) + min(ways, default=_INFINITE)


def _photo_names(photo: str) -> Iterator[str]:
    """Yield the names that a photo's label file may have: its name, its stem, shortened stems."""
    yield photo
    yield from _names(os.path.splitext(photo)[0], _PHOTO_END)  # noqa: PTH122


def _names(stem: str, end: re.Pattern[str]) -> Iterator[str]:
    """Yield a stem, and what is left as one ending after another is removed."""
    yield stem
    while (found := end.search(stem)) and found.start() > 0:
        stem = stem[: found.start()]
        yield stem


def _depth(place: Place, above: tuple[str, ...]) -> tuple[int, int]:
    """Return how many folders a label file and a photo share, and how many spelled identically."""
    below = above[len(above) - len(place) :]
    if list(map(fold, below)) != list(map(fold, place)):
        return -1, 0
    return len(place), sum(a == b for a, b in zip(below, place, strict=True))
