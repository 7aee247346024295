"""Which label file belongs to which photo: by its name, as exporters change it."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
_MSRC = "_GT"  # MSRC names the ground truth of 1_1_s.bmp 1_1_s_GT.bmp, perhaps beside it


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A label file and where it lies below the folder of label maps."""

    path: Path
    place: Place


Known = Mapping[str, Sequence[tuple[LabelFile, int]]]
"""The label files that a folded name may mean, and how many endings were taken off for it."""


def fold(name: str) -> str:
    """Return a name by which spellings agree: one normal form, no case, the same in any locale."""
    known = os.fsencode(name).decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", known).casefold())


def known_stems(files: Iterable[LabelFile]) -> Known:
    """Return the files that each name may mean, with and without what exporters add."""
    known: dict[str, list[tuple[LabelFile, int]]] = {}
    for file in files:
        for taken_off, stem in enumerate(_shortened(file.path.stem, _LABEL_END)):
            known.setdefault(fold(stem), []).append((file, taken_off))
    return known


def files_of(photo: Path, known: Known) -> list[LabelFile]:
    """Return the label files that a photo at an absolute path may mean equally well.

    Those in the deepest sub-folder that the photo's folder ends with count, else those in all;
    of these the ones named nearest to the photo: its stem with MSRC's ``_GT``, its whole name,
    its very stem, one of other case or normal form, then those with the fewest endings.
    """
    ranks: dict[LabelFile, int] = {}
    stems = _shortened(photo.stem, _PHOTO_END)
    names = [(0, photo.name), *enumerate(stems)]
    for taken_off, name in names:
        for file, further in known.get(fold(name), ()):
            if not _is_of_another(file.path, photo):
                ranks.setdefault(file, _rank(file.path.stem, photo, taken_off + further))
    depths = {file: _depth(file.place, photo.parent.parts) for file in ranks}
    deepest = max(depths.values(), default=(0, 0))
    near = {file: rank for file, rank in ranks.items() if depths[file] == deepest}
    best = min(near.values(), default=0)
    return [file for file, rank in near.items() if rank == best]


def _shortened(stem: str, end: re.Pattern[str]) -> Iterator[str]:
    """Yield a stem, and what is left as one ending after another is taken off."""
    yield stem
    while (found := end.search(stem)) and found.start() > 0:
        stem = stem[: found.start()]
        yield stem


def _rank(stem: str, photo: Path, endings: int) -> int:
    """Return how far a label file's stem is from a photo's name; nearer is smaller."""
    exact = (photo.stem + _MSRC, photo.name, photo.stem)
    return exact.index(stem) if stem in exact else len(exact) + endings


def _depth(place: Place, above: tuple[str, ...]) -> tuple[int, int]:
    """Return how many folders a label file and a photo share, and how many to the letter."""
    below = above[len(above) - len(place) :]
    if list(map(fold, below)) != list(map(fold, place)):
        return -1, 0
    return len(place), sum(a == b for a, b in zip(below, place, strict=True))


def _is_of_another(label: Path, photo: Path) -> bool:
    """Tell whether a label file is the photo itself, or named after another photo beside it."""
    if label.resolve() == photo.resolve():
        return True
    own = {fold(photo.name), fold(photo.stem)}
    for stem in _shortened(label.stem, _LABEL_END):
        if fold(stem) in own:
            break
        beside = photo.parent / f"{stem}{photo.suffix}"
        if beside != label and os.path.lexists(beside):
            return True
    return False
