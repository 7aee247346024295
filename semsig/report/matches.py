"""One self-contained HTML page for a search by conditions alone."""

from __future__ import annotations

from collections.abc import Sequence

from semsig.engine import Engine
from semsig.explain import request
from semsig.explain.words import sentence_case
from semsig.query import Conditions
from semsig.report.page import card, footer
from semsig.report.templates import render
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
    text = sentence_case(request(conditions.terms, conditions.classes.names))[:-1]
    classes = conditions.classes
    return render(
        "search.html",
        title=f"Photos with {text}",
        heading=text,
        facts=_facts(len(engine), len(hits), matched),
        query={
            "image": None,
            "legend": [
                {
                    "color": classes.palette[term.label],
                    "name": str(Conditions(classes, (term,))),
                    "share": None,
                }
                for term in conditions.terms
            ],
        },
        side=2**engine.index.schema.levels,
        cards=[card(hit, engine, conditions, side) for hit in hits],
        footer=footer(engine),
    )


def _facts(total: int, shown: int, matched: int | None) -> str:
    if matched is None:
        return f"The photos of {total:,} that meet these conditions, the best first."
    nearly = "; those that nearly do are ranked with them" if matched < shown else ""
    return f"{matched:,} of {total:,} photos meet all of this{nearly}. The best come first."
