"""Answers of a search."""

from __future__ import annotations

from dataclasses import dataclass

from semsig.types.metrics import print_distance
from semsig.types.notebook import safe, table, thumbnail

_MOST_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One answer of a search over photos.

    Parameters
    ----------
    rank : int
        1 for the nearest.
    id : int
        Id in the index.
    path : str
        The photo, as it was given when indexed.
    distance : float
        Bits for ``"hamming"``; 0..1 for the other metrics and for conditions alone.
    metric : str
        What the distance is: a metric of SBS signatures; "L2" of phrases; "squared L2" of pooled
        descriptors; "fused"; "containment by class" of layouts; "re-ranked" or "expanded" after
        those; "1 - score" of conditions.
    """

    rank: int
    id: int
    path: str
    distance: float
    metric: str = "hamming"

    @property
    def measure(self) -> str:
        """The distance as it is printed, with its unit or name: "1,038 bits", "0.310 fused"."""
        return print_distance(self.distance, self.metric)

    def _repr_html_(self) -> str:
        return Hits([self])._repr_html_()


class Hits(list[Hit]):
    """Answers of one search, nearest first: a list that notebooks show as a table with pictures."""

    def _repr_html_(self) -> str:
        rows = [
            (str(hit.rank), thumbnail(hit.path), safe(hit.path), safe(hit.measure))
            for hit in self[:_MOST_SHOWN]
        ]
        return table(("rank", "photo", "path", "distance"), rows, len(self) - len(rows))
