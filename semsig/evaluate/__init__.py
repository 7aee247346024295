"""Evaluation: segment a benchmark's photos, search each query, measure the rankings."""

from __future__ import annotations

from semsig.evaluate.benchmarking import evaluate
from semsig.evaluate.results import Evaluation, Skipped
from semsig.evaluate.scoring import Progress, measure

__all__ = ["Evaluation", "Progress", "Skipped", "evaluate", "measure"]
