"""What became of the photos that were given to be added."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedPhoto:
    """A file that could not be indexed.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        Stable name of the cause: those of :class:`semsig.errors.ImageError`, and
        ``"no-label-map"`` where label maps are read from files.
    message : str
        The cause in full.
    kept : bool
        Whether the index keeps the signature of what the file was before.
    """

    path: str
    reason: str
    message: str
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddReport:
    """What :meth:`semsig.Engine.add` did.

    Parameters
    ----------
    added, replaced, unchanged : int
        Photos that are new, that had changed, and that are as they were.
    moved : int
        Photos that were found again elsewhere, by their content; they keep their signatures.
    skipped : tuple of SkippedPhoto
        Files that could not be indexed, in the order given.
    seconds : float
        How long it took.
    """

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    moved: int = 0
    skipped: tuple[SkippedPhoto, ...] = ()
    seconds: float = 0.0

    @property
    def skipped_by_reason(self) -> dict[str, int]:
        """How many files were skipped for each reason, the most frequent first."""
        return dict(Counter(photo.reason for photo in self.skipped).most_common())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "added": self.added,
            "replaced": self.replaced,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "skipped": len(self.skipped),
            "skipped_by_reason": self.skipped_by_reason,
            "skipped_photos": [asdict(photo) for photo in self.skipped],
            "seconds": round(self.seconds, 3),
        }
