"""A page of the queries with the worst results: each with its first hits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semsig import __version__
from semsig.datasets import Photos
from semsig.errors import ImageError
from semsig.evaluate.hearing import FirstHits
from semsig.evaluate.named import lower_is_better
from semsig.evaluate.results import Evaluation
from semsig.photo.image_files import read_image
from semsig.report.draw import fit
from semsig.report.page import embedded
from semsig.report.templates import render
from semsig.types import Image

_SIDE = 160


def worst_page(
    result: Evaluation,
    photos: Photos,
    first: FirstHits,
    *,
    measure: str = "map",
    count: int = 30,
) -> str:
    """Return an HTML page of the worst queries, the worst first.

    Green frames are relevant photos, dashed orange ones are not. The page refers to nothing
    outside itself and runs no script.

    Parameters
    ----------
    result : Evaluation
        What was measured.
    photos : Photos
        The photos that it was measured on.
    first : FirstHits
        What heard the rankings.
    measure : str
        What queries are put in order by.
    count : int
        Most queries shown.
    """
    scores = result.scores[measure]
    worst = np.argsort(-scores if lower_is_better(measure) else scores, kind="stable")[:count]
    numbers = {photos.names[n]: int(n) for n in np.flatnonzero(photos.is_query)}
    rows = [_row(photos, numbers[result.queries[n]], f"{scores[n]:.3f}", first) for n in worst]
    return render(
        "worst.html",
        title=f"Worst queries of {result.dataset or 'the benchmark'}",
        facts=f"{len(rows):,} of {result.n_queries:,} queries, by {measure}: "
        f"{result.measures[measure]:.3f} in the mean. Framed green: relevant; dashed: not.",
        rows=rows,
        version=__version__,
    )


def _row(photos: Photos, query: int, value: str, first: FirstHits) -> list[dict[str, Any]]:
    class_ = photos.classes[photos.labels[query]] if photos.classes else ""
    hits: Sequence[tuple[int, bool]] = first.of(query)
    return [
        _figure(photos, query, "query", f"{value} {class_} {photos.names[query]}"),
        *(
            _figure(photos, number, "right" if right else "wrong", photos.names[number])
            for number, right in hits
        ),
    ]


def _figure(photos: Photos, number: int, kind: str, caption: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind": kind, "caption": caption, "image": None}
    try:
        return facts | {"image": embedded(_look(photos, number))}
    except ImageError as error:
        return facts | {"lost": str(error)}


def _look(photos: Photos, number: int) -> Image:
    return fit(read_image(photos.paths[number], at_least=_SIDE), _SIDE)
