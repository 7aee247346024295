"""One self-contained HTML page for a search: the query, the hits, and why they are hits."""

from __future__ import annotations

import base64
import io
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from semsig.report.templates import render
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
    signatures = [one.signature for one in sides]
    return render(
        "search.html",
        title=f"Photos like {asked.title}",
        heading=sentence_case(describe(asked.signature, asked.label_map)),
        facts=f"What {asked.title} shows, and the most similar of {len(engine):,} photos, nearest "
        f"first{_by(hits)}. Under each: how its blocks of classes agree with the query's.",
        query={
            "title": asked.title,
            "image": embedded(asked.image),
            "covered": embedded(overlay(asked.image, asked.label_map)),
            "legend": legend(asked.label_map),
        },
        side=2 ** min(engine.index.schema.levels, _FINEST),
        cards=[card(hit, engine, wanted, side, signatures) for hit in hits],
        footer=footer(engine),
    )


def footer(engine: Engine) -> str:
    """Return what made a page."""
    meta, schema = engine.index.meta, engine.index.schema
    return f"semsig {__version__}, {meta['segmenter']}, {schema.describe()}"


def _sides(query: str | Path | Sequence[Side], engine: Engine, side: int) -> Sequence[Side]:
    if isinstance(query, str | Path):
        return [Side.read(query, engine, side=max(side, 640))]
    return query


def card(
    hit: Hit,
    engine: Engine,
    conditions: Conditions,
    side: int,
    asked: Sequence[SbsSignature] = (),
) -> dict[str, Any]:
    """Return what the card of a hit says; without `asked`, conditions alone ranked it."""
    signature = engine.index.signature(hit.id)
    found = reason(signature, asked, conditions)
    facts: dict[str, Any] = {"rank": hit.rank, "path": hit.path, "name": Path(hit.path).name}
    try:
        image = fit(read_image(hit.path, at_least=side), side)
    except ImageError as error:
        return facts | {"lost": str(error)}
    distance, _, unit = hit.measure.partition(" ")
    return facts | {
        "lost": "",
        "image": embedded(image),
        "covered": embedded(overlay_signature(image, signature)),
        "shows": describe(signature),
        "sentence": sentence_case(found.sentence),
        "distance": distance,
        "unit": unit,
        "why": None if found.explanation is None else _why(found.explanation),
        "command": _next_search(hit, engine),
    }


def _why(why: Explanation) -> dict[str, Any]:
    classes = why.class_distances()
    most = max((bits for _, bits in classes), default=1)
    return {
        "share": _share(why),
        "distance": why.distance,
        "blocks": _blocks(_merged(why)),
        "classes": [
            {"name": spoken(name), "bits": bits, "width": 70 * bits / most}
            for name, bits in classes[:12]
        ],
    }


def _next_search(hit: Hit, engine: Engine) -> str:
    """Return the command that searches from a hit; nothing for an index in memory."""
    if engine.index.path is None:
        return ""
    where = str(engine.index.path.absolute())
    return shlex.join(["semsig", "search", hit.path, "--index", where])


def _by(hits: Sequence[Hit]) -> str:
    """Name the distance that ranked hits."""
    if not hits:
        return ""
    title = metric_title(hits[0].metric).removesuffix(" distance")
    return f" ({title} distance)"


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


def _blocks(why: Explanation) -> list[dict[str, Any]]:
    notes: dict[int, list[str]] = {}
    names = why.schema.classes.names
    cells = zip(why.blocks, why.labels, why.levels_a, why.levels_b, strict=True)
    for block, label, level_a, level_b in cells:
        in_both = f"{_LEVELS[level_a]} in both"
        apart = f"{_LEVELS[level_a]} in the query, {_LEVELS[level_b]} here"
        words = in_both if level_a == level_b else apart
        notes.setdefault(int(block), []).append(f"{spoken(names[label])}: {words}")
    return [
        {
            "agreement": float(agreement),
            "note": "\n".join(dict.fromkeys(notes.get(block, _NOTHING))),
        }
        for block, agreement in enumerate(why.block_agreement)
    ]


def embedded(image: Image) -> dict[str, Any]:
    """Return an image as a page holds it: its size, and an address that is a JPEG itself."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG", quality=82, optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    height, width = image.shape[:2]
    return {"width": width, "height": height, "address": f"data:image/jpeg;base64,{data}"}
