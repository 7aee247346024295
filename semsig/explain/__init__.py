"""Why two photos are near or far: their cells compared, and a sentence in plain words."""

from semsig.explain.answer import answer, request
from semsig.explain.difference import Explanation
from semsig.explain.phrases import SharedPhrases, share_phrases
from semsig.explain.sentence import describe, explain

__all__ = [
    "Explanation",
    "SharedPhrases",
    "answer",
    "describe",
    "explain",
    "request",
    "share_phrases",
]
