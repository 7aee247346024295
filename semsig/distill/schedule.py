"""The progress of a run, and the resolution and learning rate that follow from it."""

from __future__ import annotations

from itertools import accumulate

from semsig.distill.options import DistillOptions

POWER = 0.9
"""Exponent of the poly schedule, as in mmsegmentation."""


def run_share(options: DistillOptions, views: int, minutes: float) -> float:
    """Completed share of the run, 0 to 1: by views or by minutes, whichever is larger."""
    by_views = views / options.views if options.views else 1.0
    by_minutes = minutes / options.minutes if options.minutes else 0.0
    return min(1.0, max(by_views, by_minutes))


def side_at(options: DistillOptions, done: float) -> int:
    """Resolution of the crops when the share `done` of the run is completed."""
    ends = list(accumulate(stage.share for stage in options.stages))
    for stage, end in zip(options.stages, ends, strict=True):
        if done < end / ends[-1]:
            return stage.side
    return options.side


def learning_rate_at(options: DistillOptions, views: int, done: float) -> float:
    """Linear warm-up, then ``(1 - done) ** 0.9`` (poly schedule)."""
    warm = min(1.0, (views + options.batch_size) / max(options.warmup_views, 1))
    return float(options.learning_rate * warm * (1.0 - done) ** POWER)
