"""The command that searches: by photo, layout, crop, mirror image or conditions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsig.cli import shards, show
from semsig.cli.completion import complete_words
from semsig.cli.console import answer_json, remark
from semsig.cli.options import (
    PICTURES,
    DeviceOption,
    Expand,
    Geometry,
    IndexOrUrl,
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
    from semsig.engine.reasons import Reason
    from semsig.explain.geometry import Match
    from semsig.query import Box, Conditions
    from semsig.search.options import Reranking
    from semsig.types import Hit, LabelMap, SbsSignature


def search(
    index: IndexOrUrl,
    query: Annotated[
        str | None,
        typer.Argument(
            help='A photo, or words: "beach with two people on the left, no boat".',
            metavar="[PHOTO | WORDS]",
            autocompletion=complete_words,
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Hits to show.")] = 10,
    signature: SignatureOrNone = None,
    metric: MetricOption = None,
    has: Annotated[
        list[str] | None,
        typer.Option(
            help='What hits must show: "sky:top, horse>10%, !person"; alone, it also ranks.',
            autocompletion=complete_words,
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="What hits must lack, such as person>1%; it is ignored in the photo, too.",
            autocompletion=complete_words,
        ),
    ] = None,
    layout: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a photo: a picture painted in the colours of `semsig palette`; "
            "each class has the same weight, unless --metric is given.",
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
    device: DeviceOption = "auto",
    verify: VerifyOption = VerifyChoice.FIRST_USE,
    exactly: Annotated[
        bool,
        typer.Option("--exactly", help="With words, only photos that meet all conditions."),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with pictures and reasons.", dir_okay=False)
    ] = None,
    include_self: Annotated[
        bool, typer.Option("--include-self", help="Keep the photo itself among the hits.")
    ] = False,
    scheduler: shards.Scheduler = None,
    as_json: Json = False,
) -> None:
    """Find photos that are most like a photo, or that show what you name, and say why.

    Words: classes and scenes, with, no, without, numbers, on the left, at the top.

    Conditions: CLASS or CLASS:PLACE, then perhaps >10% (or >=, <, <=).

    !CONDITION is its opposite, !CLASS absence; a comma means and.

    Places: top, left, centre, top-left, top-half, and so on.
    """
    from semsig.durable import write_file
    from semsig.engine import Engine
    from semsig.query import Box, read_layout

    photo, words = _photo_or_words(query)
    part = None if crop is None else Box.parse(crop)
    anew = reranking(rerank, expand, rerank_by)
    if geometry is not None and photo is None:
        raise typer.BadParameter("--geometry needs a photo.")
    _check_usage(photo, layout, bool(has or without or words), bool(part or mirrored or anew))
    if photo is None and layout is None and metric:
        raise typer.BadParameter("--metric needs a photo or --layout.")
    if shards.is_sharded(index):
        shards.refuse_device(device)
        if photo is None or has or without or part or mirrored or html or geometry:
            raise typer.BadParameter(
                "Over shards, search takes a photo, -k, --signature, --metric, --rerank, --expand, "
                "--scheduler and --json; words, crops, geometry and pages are for one index."
            )
        shards.search(
            photo,
            index,
            k,
            scheduler=scheduler,
            signature=signature,
            metric=metric,
            rerank=anew,
            segmenter=segmenter,
            include_self=include_self,
            as_json=as_json,
        )
        return
    make_room(html, make_folders=False)
    engine = Engine.open(Path(index), segmenter=segmenter, verify=verify.value, device=device)
    wanted = [*(has or []), *_conditions_of(words, engine)]
    asked = photo if layout is None else read_layout(layout, engine.index.schema.classes)
    named = signature
    if asked is not None and named is None:
        named = engine.ranked_by(asked, metric, without or [])
    search = _Search(
        engine=engine,
        query=asked,
        has=wanted,
        without=without or [],
        crop=part,
        mirrored=mirrored,
        signature=named,
        metric=metric,
        rerank=anew,
        nearly=not exactly,
        by_class=layout is not None and not (metric or anew or signature),
    )
    hits = search.hits(max(k, geometry or 0), exclude_self=not include_self)
    verified: list[tuple[Hit, Match | None]] = [(hit, None) for hit in hits]
    if geometry is not None and photo is not None:
        verified = search.verified(photo, hits, geometry)
    hits, matches = [hit for hit, _ in verified[:k]], [found for _, found in verified[:k]]
    reasons = search.reasons(hits)
    said = zip(reasons, matches, strict=True)
    reasons = [
        replace(one, sentence=f"{one.sentence}; {found.sentence}") if found else one
        for one, found in said
    ]
    name = photo or layout
    if as_json:
        document: dict[str, Any] = {
            "query": name and str(name),
            "words": words,
            "signature": name and named,
            "metric": hits[0].metric if hits and name else metric,
            "conditions": str(search.conditions),
            "matched": search.matched() if len(search.conditions) else None,
            "crop": crop,
            "mirrored": mirrored,
            "rerank": rerank,
            "expand": expand,
            "rerank_by": rerank_by,
            "geometry": geometry,
            "inliers": [found and found.inliers for found in matches],
        }
        answer_json(document | {"hits": show.hits_document(hits, reasons)})
    else:
        show.hits(hits, [reason.sentence for reason in reasons])
        if len(search.conditions):
            remark(search.summary(len(hits)))
    if html is not None:
        page = search.page(hits, title=name.name if name else "")
        write_file(html, page.encode())
        remark(f"Wrote {html}")


def _photo_or_words(query: str | None) -> tuple[Path | None, str | None]:
    """Return the query, as a photo's path or as words."""
    if query is None:
        return None, None
    if not query.strip():
        raise typer.BadParameter("Expected a photo or words, got an empty text.")
    path = Path(query)
    if path.is_file():
        return path, None
    if path.is_dir():
        raise typer.BadParameter(f"{query} is a folder; name a photo in it.")
    if "/" in query or path.suffix.lower() in PICTURES:
        raise typer.BadParameter(f"{query} does not exist.")
    return None, query


def _conditions_of(words: str | None, engine: Engine) -> list[str]:
    from semsig.query import read_sentence

    return [] if words is None else [str(read_sentence(words, engine.index.schema.classes))]


def _check_usage(photo: Path | None, layout: Path | None, has: bool, parts: bool) -> None:
    if photo is not None and layout is not None:
        raise typer.BadParameter("Give a photo or --layout, not both.")
    if photo is None and layout is None and parts:
        raise typer.BadParameter(
            "--crop, --mirrored, --rerank and --expand need a photo or --layout."
        )
    if photo is None and layout is None and not has:
        raise typer.BadParameter("Give a photo, words, --layout, --has or --without.")


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
    metric: str | None
    rerank: Reranking | None
    nearly: bool
    by_class: bool

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
            nearly=self.nearly,
            by_class=self.by_class,
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

    def reasons(self, hits: Sequence[Hit]) -> list[Reason]:
        """Say why each hit was found."""
        from semsig.engine.reasons import reason

        asked: list[SbsSignature] = []
        if self.query is not None:
            asked = self.engine.signatures(
                self.query, without=self.without, crop=self.crop, mirrored=self.mirrored
            )
        found = (self.engine.index.signature(hit.id) for hit in hits)
        return [reason(signature, asked, self.named()) for signature in found]

    def named(self) -> Conditions:
        """Return all that a sentence names: the conditions, and the classes of a layout."""
        from semsig.query import Condition, Conditions
        from semsig.types import LabelMap

        terms = self.conditions.terms
        if isinstance(self.query, LabelMap):
            terms += tuple(Condition(label=label) for label in self.query.present)
        return Conditions(self.conditions.classes, terms)

    def matched(self) -> int:
        """Return how many photos meet all conditions."""
        return self.engine.matching(self.has, self.without)

    def summary(self, n_hits: int) -> str:
        """Say how many photos meet all conditions, and if few do, how many meet each."""
        matched, total = self.matched(), len(self.engine)
        terms = f"{self.conditions}"
        few = f"Alone: {self.met_alone()}."
        if not matched:
            nearest = " These come closest." if n_hits else ""
            return f"No photo of {total:,} meets all conditions: {terms}.{nearest} {few}"
        text = f"{matched:,} of {total:,} photos meet all conditions: {terms}."
        filled = self.query is None and self.nearly and matched < n_hits
        return f"{text} Those that nearly do are ranked with them. {few}" if filled else text

    def met_alone(self) -> str:
        """Say how many photos meet each condition."""
        from semsig.query import Conditions

        _, batch = self.engine.index.to_batch()
        each = [Conditions(self.conditions.classes, (term,)) for term in self.conditions.terms]
        return ", ".join(f"{one} {int(one.evaluate(batch)[0].sum()):,}" for one in each)

    def page(self, hits: Sequence[Hit], *, title: str) -> str:
        from semsig.report import Side, conditions_page, search_page

        if self.query is None:
            return conditions_page(self.engine, self.conditions, hits, matched=self.matched())
        asked = Side.asked(
            self.query,
            self.engine,
            title=title,
            without=self.without,
            crop=self.crop,
            mirrored=self.mirrored,
        )
        return search_page(self.engine, asked, hits, conditions=self.named())
