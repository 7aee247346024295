"""Looking through folders: which files are photos, and what is skipped."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from semsig.errors import ImageError
from semsig.photo.formats import read_suffixes, unread_suffixes
from semsig.photo.ignore import IGNORE_FILE, Patterns, patterns_of

JUNK = frozenset(
    {"@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found"}
    | {"__macosx", ".thumbnails", ".trash"}
)
"""Case-folded names of system folders for thumbnails and deleted files."""


@dataclass(slots=True, kw_only=True)
class Survey:
    """What lies below a folder.

    Parameters
    ----------
    photos : list of Path
        Files to read, sorted; a folder that cannot be listed appears itself, instead of its files.
    unread : list of Path
        Pictures of kinds for which there is no reader, sorted.
    links : list of Path
        Linked folders that were not followed.
    loops : list of Path
        Linked folders that lead back into a folder above them.
    again : list of Path
        Linked folders that lead to a folder that was read already.
    junk : list of Path
        Folders of thumbnails and of deleted files.
    ignored : int
        Photos that an exclusion or ignore file names, those in ignored folders not counted.
    ignored_folders : int
        Folders that are left out in the same way.
    """

    photos: list[Path] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    loops: list[Path] = field(default_factory=list)
    again: list[Path] = field(default_factory=list)
    junk: list[Path] = field(default_factory=list)
    ignored: int = 0
    ignored_folders: int = 0

    def remarks(self) -> list[str]:
        """Return one line about each kind of skipped file."""
        lines = []
        if self.unread:
            kinds = Counter(path.suffix.lower() for path in self.unread)
            counts = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()))
            lines.append(f"{_count(len(self.unread), 'file')} of kinds that are not read: {counts}")
        for paths, what, why in (
            (self.links, "linked folder", " not followed, --follow-links reads them"),
            (self.loops, "linked folder", " not followed, leading back to a folder above"),
            (self.again, "linked folder", " not followed, leading to what is read already"),
            (self.junk, "folder", " of thumbnails or deleted files left out"),
        ):
            if paths:
                lines.append(f"{_count(len(paths), what)}{why}: {_some(paths)}")
        if self.ignored or self.ignored_folders:
            lines.append(
                f"{_count(self.ignored, 'photo')} and {_count(self.ignored_folders, 'folder')} "
                f"left out by --exclude or {IGNORE_FILE}"
            )
        return lines


def survey(
    folder: str | os.PathLike[str], *, exclude: Sequence[str] = (), follow_links: bool = False
) -> Survey:
    """Look through a folder for photos.

    Left out are hidden files and folders (leading dot), those of :data:`JUNK`, and what `exclude`
    or a file :data:`IGNORE_FILE` in a folder names.

    Parameters
    ----------
    folder : path-like
        The folder.
    exclude : sequence of str
        Patterns of names, or of paths below `folder`, such as ``"*.tmp"`` or ``"2019/raw"``.
    follow_links : bool
        Whether linked folders are read as well. Each folder is read once, real folders before
        links, so that loops end.

    Raises
    ------
    ImageError
        If `folder` itself cannot be listed, or an ignore file cannot be read.
    """
    root = Path(folder)
    try:
        next(root.iterdir(), None)
    except OSError as error:
        raise ImageError(
            f"{folder} cannot be listed as a folder: {error.strerror}", reason="unreadable"
        ) from error
    walk = _Walk(root, exclude, follow_links)
    walk.run()
    found = walk.survey
    for paths in (found.photos, found.unread, found.links, found.loops, found.again, found.junk):
        paths.sort()
    return found


def image_paths(
    folder: str | os.PathLike[str], *, exclude: Sequence[str] = (), follow_links: bool = False
) -> list[Path]:
    """Return the photos below a folder, sorted by path; see :func:`survey`."""
    return survey(folder, exclude=exclude, follow_links=follow_links).photos


def unread_files(folder: str | os.PathLike[str], *, exclude: Sequence[str] = ()) -> list[Path]:
    """Return the pictures below a folder that are of kinds that are not read, sorted."""
    return survey(folder, exclude=exclude).unread


def files_below(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the files below a folder that are neither hidden nor junk, sorted by path."""
    found: list[Path] = []
    walk = _Walk(Path(folder), (), False, found.append)
    walk.run()
    return sorted(found)


class _Walk:
    """One look through a folder; `every` is called with each file instead of sorting them."""

    def __init__(
        self,
        root: Path,
        exclude: Sequence[str],
        follow_links: bool,
        every: Callable[[Path], None] | None = None,
    ) -> None:
        self.survey = Survey()
        self._root, self._exclude, self._follow = root, exclude, follow_links
        self._file = every or self._sort
        self._seen: set[tuple[int, int]] = set()
        self._waiting: deque[Path] = deque()

    def run(self) -> None:
        """Read the folder, then the linked folders that were found, the nearest first."""
        self._read(self._root, ())
        while self._waiting:
            link = self._waiting.popleft()
            if _is_loop(link):
                self.survey.loops.append(link)
            elif _identity(link) in self._seen:
                self.survey.again.append(link)
            else:
                self._read(link, self._patterns_above(link))

    def _read(self, folder: Path, patterns: tuple[Patterns, ...]) -> None:
        waiting = [(folder, patterns)]
        while waiting:
            here, patterns = waiting.pop()
            if self._is_known(here):
                continue
            try:
                entries = sorted(os.scandir(here), key=lambda entry: entry.name)
            except OSError:
                self.survey.photos.append(here)
                continue
            patterns = (*patterns, *patterns_of(here))
            folders = [entry for entry in entries if self._is_folder(entry, patterns)]
            waiting += [(Path(entry.path), patterns) for entry in folders]

    def _is_known(self, folder: Path) -> bool:
        """Tell whether a folder was read before, and note that it is now."""
        identity = _identity(folder)
        known = identity in self._seen
        if identity is not None:
            self._seen.add(identity)
        return known

    def _is_folder(self, entry: os.DirEntry[str], patterns: Sequence[Patterns]) -> bool:
        """Tell whether to go into an entry; files are taken here."""
        path = Path(entry.path)
        is_folder = _is_dir(entry)
        if is_folder and entry.name.casefold() in JUNK:
            self.survey.junk.append(path)
        elif entry.name.startswith("."):
            return False
        elif self._is_excluded(path, is_folder, patterns):
            self._count(path, is_folder)
        elif not is_folder:
            self._file(path)
        elif not entry.is_symlink():
            return True
        elif self._follow:
            self._waiting.append(path)
        else:
            (self.survey.loops if _is_loop(path) else self.survey.links).append(path)
        return False

    def _is_excluded(self, path: Path, is_folder: bool, patterns: Sequence[Patterns]) -> bool:
        below = path.relative_to(self._root).as_posix()
        if any(fnmatch(path.name, p) or fnmatch(below, p.rstrip("/")) for p in self._exclude):
            return True
        ignored = None
        for spec in patterns:  # a deeper file has the last word, as in git
            found = spec.says(path, is_folder)
            ignored = ignored if found is None else found
        return bool(ignored)

    def _count(self, path: Path, is_folder: bool) -> None:
        if is_folder:
            self.survey.ignored_folders += 1
        elif path.suffix.lower() in read_suffixes():
            self.survey.ignored += 1

    def _sort(self, path: Path) -> None:
        suffix = path.suffix.lower()
        if suffix in unread_suffixes():
            self.survey.unread.append(path)
        elif suffix in read_suffixes():
            self.survey.photos.append(path)

    def _patterns_above(self, link: Path) -> tuple[Patterns, ...]:
        folders = [self._root]
        for part in link.relative_to(self._root).parts[:-1]:
            folders.append(folders[-1] / part)
        return tuple(spec for folder in folders for spec in patterns_of(folder))


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: a file that cannot be read
        return False


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_loop(link: Path) -> bool:
    """Tell whether a link leads to a folder that it lies in."""
    above = Path(os.path.realpath(link.parent))
    return Path(os.path.realpath(link)) in (above, *above.parents)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"


def _some(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:3])) + (", ..." if len(paths) > 3 else "")
