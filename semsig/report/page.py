"""One self-contained HTML page for a search: the query, the hits, and why they are hits."""

from __future__ import annotations

import base64
import io
import shlex
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from PIL import Image as PillowImage

from semsig import __version__
from semsig.engine import Engine
from semsig.engine.reasons import reason
from semsig.errors import ImageError
from semsig.explain import Explanation, describe
from semsig.explain.words import sentence_case, spoken
from semsig.photo.image_files import read_image
from semsig.query import Conditions
from semsig.report.draw import fit, legend, overlay, overlay_signature
from semsig.report.side import Side
from semsig.types import Hit, Image, SbsSchema, SbsSignature
from semsig.types.metrics import metric_title

_NOTHING = ["no class in either"]
_FINEST = 4
"""Deepest level whose blocks are drawn: 256 of them."""

_LEVELS = ("not there", "up to 1/4", "1/4 to 1/2", "1/2 to 3/4", "over 3/4")


def search_page(
    engine: Engine,
    query: str | Path | Sequence[Side],
    hits: Sequence[Hit],
    *,
    conditions: Conditions | None = None,
    side: int = 480,
) -> str:
    """Return an HTML page that shows a query and its hits.

    Of a hit, only the file is read: its classes and blocks are those of its signature in the
    index, and the sentence is that of the command line. The page refers to nothing outside
    itself and runs no script.

    Parameters
    ----------
    engine : Engine
        The engine that found the hits.
    query : path-like or sequence of Side
        The photo that was searched for, or all that was; the first is shown, and each hit is
        compared with the one that it is nearest to.
    hits : sequence of Hit
        What was found.
    conditions : Conditions, optional
        Conditions in addition to the query.
    side : int
        Longer side of the hits' pictures in pixels.

    Raises
    ------
    ImageError, SegmenterError
        If the query cannot be read or segmented. Of a hit, a note says so instead.
    """
    sides = _sides(query, engine, side)
    asked = sides[0]
    wanted = conditions or Conditions(engine.index.schema.classes, ())
    template = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
    return template.substitute(
        title=f"Photos like {_safe(asked.title)}",
        heading=escape(sentence_case(describe(asked.signature, asked.label_map))),
        facts=f"What {_safe(asked.title)} shows, and those of {len(engine):,} photos whose classes "
        f"lie most like that, nearest first{_by(hits)}.",
        query=_query(asked),
        side=2 ** min(engine.index.schema.levels, _FINEST),
        hits="\n".join(
            _card([one.signature for one in sides], hit, engine, wanted, side) for hit in hits
        ),
        footer=f"semsig {__version__}, {escape(engine.index.meta['segmenter'])}, "
        f"{escape(engine.index.schema.describe())}",
    )


def _sides(query: str | Path | Sequence[Side], engine: Engine, side: int) -> Sequence[Side]:
    if isinstance(query, str | Path):
        return [Side.read(query, engine, side=max(side, 640))]
    return query


def _query(asked: Side) -> str:
    covered = overlay(asked.image, asked.label_map)
    entries = "".join(
        f'<li><i style="background:rgb{entry.color}"></i>{escape(entry.name)}'
        f"<b>{entry.share:.0%}</b></li>"
        for entry in legend(asked.label_map)
    )
    return (
        f"<figure>{picture(asked.image, f'The query, {asked.title}')}"
        f"<figcaption>{_safe(asked.title)}</figcaption></figure>"
        f"<figure>{picture(covered, 'The same, coloured by class')}"
        f"<figcaption>its classes</figcaption></figure>"
        f'<ul class="legend" aria-label="Classes">{entries}</ul>'
    )


def _card(
    asked: Sequence[SbsSignature], hit: Hit, engine: Engine, conditions: Conditions, side: int
) -> str:
    signature = engine.index.signature(hit.id)
    found = reason(signature, asked, conditions)
    try:
        image = fit(read_image(hit.path, at_least=side), side)
    except ImageError as error:
        return missing(hit, str(error))
    why, blocks, details = found.explanation, "", ""
    if why is not None:
        blocks = f'<div class="grid" aria-hidden="true">{_blocks(_merged(why))}</div>'
        details = (
            f'<div class="meter" title="{_share(why):.0%} of the bits are shared">'
            f'<i style="width:{_share(why):.1%}"></i></div>{_details(why)}'
        )
    return (
        f'<li class="card"><div class="stage"><div class="stack">'
        f"{picture(image, f'{Path(hit.path).name}: {describe(signature)}')}"
        f"{picture(overlay_signature(image, signature), '', 'classes')}{blocks}</div></div>"
        f'<div class="body">{head(hit)}<p>{escape(sentence_case(found.sentence))}</p>'
        f'<p class="measure"><span class="distance">{_distance(hit)}</span></p>'
        f"{details}{_next_search(hit, engine)}</div></li>"
    )


def card(hit: Hit, engine: Engine, conditions: Conditions, side: int) -> str:
    """Return the card of a hit that conditions alone ranked."""
    return _card((), hit, engine, conditions, side)


def _next_search(hit: Hit, engine: Engine) -> str:
    """Return the command that searches from a hit; nothing for an index in memory."""
    if engine.index.path is None:
        return ""
    command = shlex.join(
        ["semsig", "search", hit.path, "--index", str(engine.index.path.absolute())]
    )
    return (
        f'<details class="next"><summary>Search from here</summary>'
        f"<code>{_safe(command)}</code></details>"
    )


def missing(hit: Hit, reason: str) -> str:
    """Return the card of a hit that cannot be shown."""
    return (
        f'<li class="card"><div class="stage faint">cannot be shown</div><div class="body">'
        f'{head(hit)}<p class="faint">{_safe(reason)}</p></div></li>'
    )


def head(hit: Hit) -> str:
    """Return the head of a card: rank and file name."""
    return (
        f'<div class="head"><span class="rank">{hit.rank}</span>'
        f'<h2 title="{_safe(hit.path)}">{_safe(Path(hit.path).name)}</h2></div>'
    )


def _distance(hit: Hit) -> str:
    number, _, unit = hit.measure.partition(" ")
    return f"{number} <small>{escape(unit)}</small>"


def _by(hits: Sequence[Hit]) -> str:
    """Name the distance that ranked hits."""
    if not hits:
        return ""
    title = metric_title(hits[0].metric).removesuffix(" distance")
    return f" ({escape(title)} distance)"


def _share(why: Explanation) -> float:
    """Dice coefficient of all bits: 1 = the same."""
    present = (why.levels_a > 0).sum() + (why.levels_b > 0).sum()
    total = int(why.levels_a.sum() + why.levels_b.sum() + present)
    return 1 - why.distance / total if total else 1.0


def _merged(why: Explanation) -> Explanation:
    """Put the cells of blocks that are too fine to be seen into the blocks they lie in."""
    finer = why.schema.levels - _FINEST
    if finer <= 0:
        return why
    rows, columns = np.divmod(why.blocks, 2**why.schema.levels)
    blocks = (rows >> finer << _FINEST) + (columns >> finer)
    return replace(why, schema=SbsSchema(_FINEST, why.schema.classes), blocks=blocks)


def _blocks(why: Explanation) -> str:
    notes: dict[int, list[str]] = {}
    names = why.schema.classes.names
    cells = zip(why.blocks, why.labels, why.levels_a, why.levels_b, strict=True)
    for block, label, level_a, level_b in cells:
        in_both = f"{_LEVELS[level_a]} in both"
        apart = f"{_LEVELS[level_a]} in the query, {_LEVELS[level_b]} here"
        words = in_both if level_a == level_b else apart
        notes.setdefault(int(block), []).append(f"{spoken(names[label])}: {words}")
    return "".join(
        f'<i{"" if agreement >= 0.5 else " class=d"} style="--a:{agreement:.2f}" '
        f'title="{escape(chr(10).join(dict.fromkeys(notes.get(block, _NOTHING))))}"></i>'
        for block, agreement in enumerate(why.block_agreement)
    )


def _details(why: Explanation) -> str:
    classes = why.class_distances()
    if not classes:
        return ""
    most = classes[0][1]
    rows = "".join(
        f'<tr><th scope="row">{escape(spoken(name))}</th>'
        f'<td><i style="width:{70 * bits / most:.0f}%"></i>{bits}</td></tr>'
        for name, bits in classes[:12]
    )
    return (
        f"<details><summary>{why.distance:,} bits differ, by class</summary>"
        f"<table><tbody>{rows}</tbody></table></details>"
    )


def picture(image: Image, alt: str, kind: str = "") -> str:
    """Return an image as an HTML element that holds it, as a JPEG."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG", quality=82, optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    size = f'width="{image.shape[1]}" height="{image.shape[0]}"'
    marked = f' class="{kind}"' if kind else ""
    return f'<img{marked} {size} alt="{_safe(alt)}" src="data:image/jpeg;base64,{data}">'


def _safe(text: str) -> str:
    """Escape for HTML; parts of a file name that are no Unicode become question marks."""
    return escape(text.encode("utf-8", "replace").decode())
