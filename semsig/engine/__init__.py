"""The engine: from photos to ranked and explained hits."""

from semsig.engine.checking import verify_photos
from semsig.engine.engine import Engine
from semsig.engine.info import EngineInfo
from semsig.engine.queries import Query
from semsig.engine.report import AddReport, SkippedPhoto

__all__ = ["AddReport", "Engine", "EngineInfo", "Query", "SkippedPhoto", "verify_photos"]
