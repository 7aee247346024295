"""One self-contained HTML page for a search by conditions alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from semsig import __version__
from semsig.engine import Engine
from semsig.errors import ImageError, SegmenterError
from semsig.explain import describe
from semsig.explain.words import sentence_case
from semsig.query import Conditions
from semsig.report.draw import overlay
from semsig.report.page import head, missing, picture
from semsig.report.side import Side
from semsig.types import Hit


def conditions_page(
    engine: Engine, conditions: Conditions, hits: Sequence[Hit], *, side: int = 480
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
    side : int
        Longer side of the pictures in pixels.
    """
    text = escape(str(conditions))
    template = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
    return template.substitute(
        title=f"Photos with {text}",
        heading=text,
        facts=f"The photos of {len(engine):,} that meet these conditions, the best first.",
        query=_colors(conditions),
        side=2**engine.index.schema.levels,
        hits="\n".join(_card(hit, engine, side) for hit in hits),
        footer=f"semsig {__version__}, {escape(engine.index.meta['segmenter'])}, "
        f"{escape(engine.index.schema.describe())}",
    )


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


def _card(hit: Hit, engine: Engine, side: int) -> str:
    try:
        found = Side.read(hit.path, engine, side=side)
    except (ImageError, SegmenterError) as error:
        return missing(hit, str(error))
    words = describe(found.signature, found.label_map)
    return (
        f'<li class="card"><div class="stage"><div class="stack">'
        f"{picture(found.image, f'{found.title}: {words}')}"
        f"{picture(overlay(found.image, found.label_map), '', 'classes')}</div></div>"
        f'<div class="body">{head(hit)}<p>{escape(sentence_case(words))}</p></div></li>'
    )
