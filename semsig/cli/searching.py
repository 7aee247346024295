"""The command that searches: by photo, layout, crop, mirror image or conditions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsig.cli import show
from semsig.cli.console import answer_json, remark
from semsig.cli.options import (
    Expand,
    Geometry,
    IndexFolder,
    Json,
    MetricOption,
    Rerank,
    RerankBy,
    SignatureOrNone,
    TrustedSegmenter,
    VerifyChoice,
    VerifyOption,
    geometry_options,
    make_room,
    reranking,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from semsig.engine import Engine
    from semsig.explain.geometry import Match
    from semsig.query import Box, Conditions
    from semsig.search.options import Reranking
    from semsig.types import Hit, LabelMap, Metric

_NAMES = ("the query", "the hit")


def search(
    index: IndexFolder,
    photo: Annotated[
        Path | None, typer.Argument(help="A photo.", exists=True, dir_okay=False)
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Hits to show.")] = 10,
    signature: SignatureOrNone = None,
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
    rerank_by: RerankBy = None,
    geometry: Geometry = None,
    segmenter: TrustedSegmenter = None,
    verify: VerifyOption = VerifyChoice.FIRST_USE,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with pictures and reasons.", dir_okay=False)
    ] = None,
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Let the photo find itself.")
    ] = False,
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
    anew = reranking(rerank, expand, rerank_by)
    if geometry is not None and photo is None:
        raise typer.BadParameter("--geometry needs a photo.")
    _check_usage(photo, layout, bool(has or without), bool(part or mirrored or anew or metric))
    make_room(html)
    engine = Engine.open(index, segmenter=segmenter, verify=verify.value)
    query = photo if layout is None else read_layout(layout, engine.index.schema.classes)
    named = signature
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
    hits = search.hits(max(k, geometry or 0), exclude_self=not include_self)
    verified: list[tuple[Hit, Match | None]] = [(hit, None) for hit in hits]
    if geometry is not None and photo is not None:
        verified = search.verified(photo, hits, geometry)
    hits, matches = [hit for hit, _ in verified[:k]], [found for _, found in verified[:k]]
    sentences, bits = search.reasons(hits)
    said = zip(sentences, matches, strict=True)
    sentences = [f"{text}; {found.sentence}" if found else text for text, found in said]
    name = photo or layout
    if as_json:
        asked: dict[str, Any] = {
            "query": name and str(name),
            "signature": name and named,
            "metric": hits[0].metric if hits and name else metric,
            "conditions": str(search.conditions),
            "crop": crop,
            "mirrored": mirrored,
            "rerank": rerank,
            "expand": expand,
            "rerank_by": rerank_by,
            "geometry": geometry,
            "inliers": [found and found.inliers for found in matches],
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
    signature: str | None
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

    def verified(
        self, photo: Path, hits: Sequence[Hit], first: int
    ) -> list[tuple[Hit, Match | None]]:
        """Put the first hits in order by geometry."""
        from semsig.engine.verifying import verify_hits
        from semsig.photo.image_files import read_image

        image = read_image(photo)
        if self.crop is not None:
            image = image[self.crop.slices(*image.shape[:2])].copy()
        return verify_hits(image, hits, geometry_options(first))

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
