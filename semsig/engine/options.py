"""Options of indexing."""

from __future__ import annotations

from dataclasses import dataclass

from semsig.arguments import NOTHING, NUMBER, WHOLE, expect
from semsig.errors import OptionError
from semsig.parallel import usable_cores


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexingOptions:
    """How photos are put into an index.

    Parameters
    ----------
    workers : int, optional
        Photos that are decoded, segmented and encoded at the same time, 1 to 1024; one per
        core by default.
    rehash : bool
        Read every photo to tell whether it changed, instead of trusting size and time of change.
    commit_every : int
        Photos after which the index on disk is brought up to date, at least 1.
    commit_seconds : float
        Seconds after which it is, if that comes first; not negative.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    workers: int | None = None
    rehash: bool = False
    commit_every: int = 256
    commit_seconds: float = 10.0

    def __post_init__(self) -> None:
        expect("workers", self.workers, (*WHOLE, NOTHING))
        expect("commit_every", self.commit_every, WHOLE)
        expect("commit_seconds", self.commit_seconds, NUMBER)
        if self.workers is not None and not 1 <= self.workers <= 1024:
            raise OptionError(f"workers must be 1 to 1024, got {self.workers}.")
        if self.commit_every < 1:
            raise OptionError(f"commit_every must be at least 1, got {self.commit_every}.")
        if not self.commit_seconds >= 0:
            raise OptionError(f"commit_seconds must not be negative, got {self.commit_seconds}.")

    @property
    def n_workers(self) -> int:
        """`workers`, or the number of cores."""
        return self.workers or usable_cores()
