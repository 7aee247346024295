"""The command that searches: by photo, layout, crop, mirror image or conditions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsig.cli import shards, show
from semsig.cli.console import answer_json, remark
from semsig.cli.options import (
    Expand,
    IndexFolder,
    Json,
    MetricOption,
    Rerank,
    SignatureChoice,
    TrustedSegmenter,
    make_room,
    reranking,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from semsig.engine import Engine
    from semsig.query import Box, Conditions
    from semsig.search.fusion import SignatureName
    from semsig.search.options import Reranking
    from semsig.types import Hit, LabelMap, Metric

_NAMES = ("the query", "the hit")


def search(
    index: IndexFolder,
    photo: Annotated[
        Path | None, typer.Argument(help="A photo.", exists=True, dir_okay=False)
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Hits to show.")] = 10,
    signature: Annotated[
        SignatureChoice | None,
        typer.Option(help="What photos are compared by: pooled where the index has it, or sbs."),
    ] = None,
    metric: MetricOption = None,
    has: Annotated[
        list[str] | None,
        typer.Option(help='What hits show: "sky:top, horse>10%, !person"; ranks if alone.'),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="What hits lack, such as person>1%; the photo is taken as if it lacked it."
        ),
    ] = None,
    layout: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a photo: a picture painted in the classes' colours.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="LEFT,TOP,RIGHT,BOTTOM",
            help="The part of the photo to search for, in fractions or percent.",
        ),
    ] = None,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Search for the mirror image as well.")
    ] = False,
    rerank: Rerank = False,
    expand: Expand = False,
    segmenter: TrustedSegmenter = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with pictures and reasons.", dir_okay=False)
    ] = None,
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Let the photo find itself.")
    ] = False,
    scheduler: shards.Scheduler = None,
    as_json: Json = False,
) -> None:
    """Find photos that are most like a photo, or that show what you name, and say why.

    Conditions: CLASS or CLASS:PLACE, then perhaps >10% (or >=, <, <=).

    !CONDITION is its opposite, !CLASS absence; a comma means and.

    Places: top, left, centre, top-left, top-half, and so on.
    """
    from semsig.durable import write_file
    from semsig.engine import Engine
    from semsig.query import Box, read_layout

    part = None if crop is None else Box.parse(crop)
    anew = reranking(rerank, expand)
    _check_usage(photo, layout, bool(has or without), bool(part or mirrored or anew or metric))
    if shards.is_sharded(index):
        if photo is None or has or without or part or mirrored or html:
            raise typer.BadParameter(
                "Over shards, search takes a photo, -k, --signature, --metric, --rerank, --expand, "
                "--scheduler and --json; conditions, crops and pages are for one index."
            )
        shards.search(
            photo,
            index,
            k,
            scheduler=scheduler,
            signature=signature.value if signature else None,
            metric=metric,
            rerank=anew,
            segmenter=segmenter,
            include_self=include_self,
            as_json=as_json,
        )
        return
    make_room(html)
    engine = Engine.open(index, segmenter=segmenter)
    query = photo if layout is None else read_layout(layout, engine.index.schema.classes)
    named: SignatureName | None = signature.value if signature else None
    if query is not None and named is None:
        named = engine.ranked_by(query, metric, without or [])
    search = _Search(
        engine=engine,
        query=query,
        has=has or [],
        without=without or [],
        crop=part,
        mirrored=mirrored,
        signature=named,
        metric=metric,
        rerank=anew,
    )
    hits = search.hits(k, exclude_self=not include_self)
    sentences, bits = search.reasons(hits)
    name = photo or layout
    if as_json:
        asked: dict[str, Any] = {
            "query": name and str(name),
            "signature": name and named,
            "metric": (metric or "hamming") if name and named == "sbs" else None,
            "conditions": str(search.conditions),
            "crop": crop,
            "mirrored": mirrored,
            "rerank": rerank,
            "expand": expand,
        }
        answer_json(asked | {"hits": show.hits_document(hits, sentences, bits)})
    else:
        show.hits(hits, sentences)
    if not hits and search.conditions.terms:
        remark(f"No photo meets all conditions. Alone: {search.met_alone()}.")
    if html is not None:
        page = search.page(hits, title=name.name if name else "")
        write_file(html, page.encode())
        remark(f"Wrote {html}")


def _check_usage(photo: Path | None, layout: Path | None, has: bool, parts: bool) -> None:
    if photo is not None and layout is not None:
        raise typer.BadParameter("Give a photo or --layout, not both.")
    if photo is None and layout is None and parts:
        raise typer.BadParameter(
            "--crop, --mirrored, --metric, --rerank and --expand need a photo or --layout."
        )
    if photo is None and layout is None and not has:
        raise typer.BadParameter("Give a photo, --layout, --has or --without.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """What was asked for, and the engine to ask."""

    engine: Engine
    query: Path | LabelMap | None
    has: list[str]
    without: list[str]
    crop: Box | None
    mirrored: bool
    signature: SignatureName | None
    metric: Metric | None
    rerank: Reranking | None

    @property
    def conditions(self) -> Conditions:
        return self.engine.conditions(self.has, self.without)

    def hits(self, k: int, *, exclude_self: bool) -> list[Hit]:
        return self.engine.search(
            self.query,
            k,
            signature=self.signature,
            metric=self.metric,
            exclude_self=exclude_self,
            has=self.has,
            without=self.without,
            crop=self.crop,
            mirrored=self.mirrored,
            rerank=self.rerank,
        )

    def reasons(self, hits: Sequence[Hit]) -> tuple[list[str], Sequence[int | None]]:
        """Return a sentence on each hit, and the bits in which it differs from the query."""
        from semsig.explain import describe, explain

        found = [self.engine.index.signature(hit.id) for hit in hits]
        if self.query is None:
            return [describe(signature) for signature in found], [None] * len(found)
        asked = self.engine.signatures(
            self.query, without=self.without, crop=self.crop, mirrored=self.mirrored
        )
        reasons = [
            min((explain(a, b, names=_NAMES) for a in asked), key=lambda why: why.distance)
            for b in found
        ]
        return [why.sentence for why in reasons], [why.distance for why in reasons]

    def met_alone(self) -> str:
        """Say how many photos meet each condition."""
        from semsig.query import Conditions

        _, batch = self.engine.index.to_batch()
        each = [Conditions(self.conditions.classes, (term,)) for term in self.conditions.terms]
        return ", ".join(f"{one} {int(one.evaluate(batch)[0].sum()):,}" for one in each)

    def page(self, hits: Sequence[Hit], *, title: str) -> str:
        from semsig.report import Side, conditions_page, search_page

        if self.query is None:
            return conditions_page(self.engine, self.conditions, hits)
        asked = Side.asked(
            self.query,
            self.engine,
            title=title,
            without=self.without,
            crop=self.crop,
            mirrored=self.mirrored,
        )
        return search_page(self.engine, asked, hits)
