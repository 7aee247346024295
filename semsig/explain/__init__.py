"""Why two photos are near or far: their cells compared, and a sentence in plain words."""

from semsig.explain.answer import answer, request
from semsig.explain.difference import Explanation
from semsig.explain.sentence import describe, explain

__all__ = ["Explanation", "answer", "describe", "explain", "request"]
