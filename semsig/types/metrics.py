"""The distances between SBS signatures: one table of how each is computed and shown.

A distance is a form of three weights: W_A of the query, W_B of the row, and I of what they share.
A new combination of weights and form is one line of :data:`METRICS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from semsig.errors import OptionError

Metric = Literal["hamming", "tanimoto", "tanimoto-idf", "jaccard", "containment"]
"""Names of the distances between SBS signatures."""

Weights = Literal["bits", "idf", "presence"]
"""What has weight: every bit 1; every bit its idf; the presence bit of a cell 1 and its level bits
0."""

Form = Literal["difference", "ratio", "lack"]
"""W_A + W_B - 2 I; 1 - I / (W_A + W_B - I); 1 - I / W_A. A quotient by 0 counts as 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEntry:
    """A distance between SBS signatures.

    Parameters
    ----------
    weights : {"bits", "idf", "presence"}
        What W_A, W_B and I sum.
    form : {"difference", "ratio", "lack"}
        What is made of them.
    meaning : str
        One phrase that helps to choose.
    unit : str
        What it counts; empty if it counts nothing.
    """

    weights: Weights
    form: Form
    meaning: str
    unit: str = ""

    @property
    def dtype(self) -> Literal["int32", "float32"]:
        """Dtype of the distances: int32 bits, or float32 in 0..1."""
        return "int32" if self.form == "difference" else "float32"

    @property
    def whole(self) -> bool:
        """Whether a row's distance depends on the other rows: one scan must then see them all."""
        return self.weights == "idf"

    @property
    def bitmaps(self) -> bool:
        """Whether bitmaps, where every bit counts 1, are enough; otherwise it needs postings."""
        return self.weights == "bits"


METRICS: Mapping[Metric, MetricEntry] = {
    "hamming": MetricEntry(
        weights="bits", form="difference", meaning="bits that differ", unit="bits"
    ),
    "tanimoto": MetricEntry(weights="bits", form="ratio", meaning="share of their bits not common"),
    "tanimoto-idf": MetricEntry(
        weights="idf", form="ratio", meaning="the same, rare bits counting more"
    ),
    "jaccard": MetricEntry(
        weights="presence", form="ratio", meaning="share of their cells not common, at any level"
    ),
    "containment": MetricEntry(
        weights="bits", form="lack", meaning="share of the query's bits that a photo lacks"
    ),
}
"""Every distance by its name; options and documentation are made from this table."""


PooledMetric = Literal["l2sq", "cosine"]
"""Names of the distances between pooled descriptors."""

POOLED_METRICS: Mapping[PooledMetric, str] = {
    "l2sq": "squared L2",
    "cosine": "cosine distance",
}
"""Each with the name shown after a number: 2 - 2 <a, b> and 1 - <a, b>, at unit length."""

BY_SCORE = "1 - score"
"""The distance of hits ranked by conditions alone; it is shown as the score it is made of."""


def metric_named(name: str) -> MetricEntry:
    """Return a distance by its name.

    Raises
    ------
    OptionError
        If there is none.
    """
    if isinstance(name, str) and name in METRICS:
        return METRICS[name]  # type: ignore[index]  # it is one of its names
    raise OptionError(f"Expected a metric of {', '.join(METRICS)}; got {name!r}.")


def refuse_metric(signature: str, metrics: Sequence[str], metric: str | None) -> None:
    """Raise :class:`OptionError` if a signature has no distance of that name."""
    if metric is None or metric in metrics:
        return
    if len(metrics) < 2:
        raise OptionError(
            f"Expected no metric with signature {signature!r}, which has a distance of its own; "
            f"got {metric!r}. Leave it out, or compare by 'sbs'."
        )
    raise OptionError(
        f"Expected a metric of {', '.join(metrics)} with signature {signature!r}; got {metric!r}."
    )


def print_distance(distance: float, metric: str) -> str:
    """Return a distance as it is printed, with its unit or name: "1,038 bits", "0.310 fused".

    Parameters
    ----------
    distance : float
        The distance.
    metric : str
        A name of :data:`METRICS`, or of a distance between other signatures, such as "L2".
    """
    if metric == BY_SCORE:
        return f"{1 - distance:.3f} score"
    entry = {str(name): entry for name, entry in METRICS.items()}.get(metric)
    if entry is not None and entry.unit:
        return f"{distance:,.0f} {entry.unit}"
    return f"{distance:.3f} {metric_title(metric)}"


def metric_title(metric: str) -> str:
    """Return what a distance is called in a sentence: "squared L2" for "l2sq"."""
    titles: Mapping[str, str] = {str(name): words for name, words in POOLED_METRICS.items()}
    return titles.get(metric, metric)
