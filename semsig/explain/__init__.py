"""Why two photos are near or far: their cells compared, and a sentence in plain words."""

from semsig.explain.difference import Explanation
from semsig.explain.phrases import SharedPhrases, share_phrases
from semsig.explain.regions import RegionMatches, match_regions
from semsig.explain.sentence import describe, explain

__all__ = [
    "Explanation",
    "RegionMatches",
    "SharedPhrases",
    "describe",
    "explain",
    "match_regions",
    "share_phrases",
]
