"""Photos in, ranked and explained hits out."""

from semsig.engine.engine import Engine, Query
from semsig.engine.info import EngineInfo
from semsig.engine.report import AddReport, SkippedPhoto

__all__ = ["AddReport", "Engine", "EngineInfo", "Query", "SkippedPhoto"]
