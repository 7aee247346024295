"""One self-contained HTML page for a search by conditions alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from semsig import __version__
from semsig.engine import Engine
from semsig.explain import request
from semsig.explain.words import sentence_case
from semsig.query import Conditions
from semsig.report.page import card
from semsig.types import Hit


def conditions_page(
    engine: Engine,
    conditions: Conditions,
    hits: Sequence[Hit],
    *,
    matched: int | None = None,
    side: int = 480,
) -> str:
    """Return an HTML page that shows the photos that meet conditions.

    The page refers to nothing outside itself and runs no script.

    Parameters
    ----------
    engine : Engine
        The engine that found the hits.
    conditions : Conditions
        What was asked for.
    hits : sequence of Hit
        What was found.
    matched : int, optional
        How many photos meet all conditions, where hits hold some that only nearly do.
    side : int
        Longer side of the pictures in pixels.
    """
    text = escape(sentence_case(request(conditions.terms, conditions.classes.names))[:-1])
    template = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
    return template.substitute(
        title=f"Photos with {text}",
        heading=text,
        facts=_facts(len(engine), len(hits), matched),
        query=_colors(conditions),
        side=2**engine.index.schema.levels,
        hits="\n".join(card(hit, engine, conditions, side) for hit in hits),
        footer=f"semsig {__version__}, {escape(engine.index.meta['segmenter'])}, "
        f"{escape(engine.index.schema.describe())}",
    )


def _facts(total: int, shown: int, matched: int | None) -> str:
    if matched is None:
        return f"The photos of {total:,} that meet these conditions, the best first."
    nearly = "; those that nearly do are ranked with them" if matched < shown else ""
    return f"{matched:,} of {total:,} photos meet all of this{nearly}. The best come first."


def _colors(conditions: Conditions) -> str:
    classes = conditions.classes
    entries = "".join(
        f'<li><i style="background:rgb{classes.palette[term.label]}"></i>'
        f"{escape(str(Conditions(classes, (term,))))}</li>"
        for term in conditions.terms
    )
    return (
        "<style>.views .key, .views label[for=show-blocks] { display: none; }</style>"
        f'<ul class="legend" aria-label="Conditions">{entries}</ul>'
    )
