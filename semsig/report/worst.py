"""A page of the queries with the worst results: each with its first hits."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import Template

import numpy as np

from semsig import __version__
from semsig.datasets import Photos
from semsig.errors import ImageError
from semsig.evaluate.hearing import FirstHits
from semsig.evaluate.named import lower_is_better
from semsig.evaluate.results import Evaluation
from semsig.photo.image_files import read_image
from semsig.report.draw import fit
from semsig.report.page import picture
from semsig.types import Image

_SIDE = 160

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title><style>
body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem; background: #f6f5f1; color: #1c2026; }
section { display: flex; gap: .5rem; overflow-x: auto; padding: .8rem 0;
  border-top: 1px solid #dedcd5; }
figure { margin: 0; border: 4px solid transparent; }
figure.query { margin-right: 1rem; }
figure.right { border-color: #1e968c; }
figure.wrong { border: 4px dashed #e05a24; }
figcaption { font-size: .75rem; max-width: 160px; overflow-wrap: anywhere; }
</style></head><body><h1>$title</h1><p>$facts</p>
$rows<footer>semsig $version</footer></body></html>
""")


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
    return _PAGE.substitute(
        title=f"Worst queries of {escape(result.dataset or 'the benchmark')}",
        facts=f"{len(rows):,} of {result.n_queries:,} queries, by {escape(measure)}: "
        f"{result.measures[measure]:.3f} in the mean. Framed green: relevant; dashed: not.",
        rows="".join(rows),
        version=__version__,
    )


def _row(photos: Photos, query: int, value: str, first: FirstHits) -> str:
    class_ = photos.classes[photos.labels[query]] if photos.classes else ""
    asked = _figure(photos, query, "query", f"{value} {class_} {photos.names[query]}")
    hits: Sequence[tuple[int, bool]] = first.of(query)
    found = (
        _figure(photos, number, "right" if right else "wrong", photos.names[number])
        for number, right in hits
    )
    return f"<section>{asked}{''.join(found)}</section>\n"


def _figure(photos: Photos, number: int, kind: str, words: str) -> str:
    caption = escape(words.encode("utf-8", "replace").decode())
    try:
        shown = picture(_look(photos, number), "")
    except ImageError as error:
        shown = f"<p>{escape(str(error))}</p>"
    return f'<figure class="{kind}">{shown}<figcaption>{caption}</figcaption></figure>'


def _look(photos: Photos, number: int) -> Image:
    return fit(read_image(photos.paths[number], at_least=_SIDE), _SIDE)
