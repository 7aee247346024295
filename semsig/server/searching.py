"""Searches: requests of clients, answered by the engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from semsig.engine.side import SideIndex
from semsig.errors import QueryError
from semsig.query import Conditions
from semsig.search.blending import blend
from semsig.search.feedback import FeedbackOptions
from semsig.search.fusion import FUSED
from semsig.search.options import ExpandOptions, Reranking, RerankOptions
from semsig.server.asks import Answer, Ask, HitFacts, QueryPhoto
from semsig.server.shelf import MOST_NEIGHBOURS, Recent, Shelf, box_of
from semsig.server.words import understand, written
from semsig.signatures import Inputs, Signer
from semsig.types.metrics import BY_SCORE, print_distance, refuse_metric

_FIRST = 120
"""Number of hits that a page's first search looks for; each further search doubles it."""
_SPLIT = 100
"""Number of first hits from which suggestions are computed."""

_RERANK: dict[str, Reranking] = {"neighbours": RerankOptions(), "expand": ExpandOptions()}


class Found(NamedTuple):
    """Hits of a search, nearest first."""

    ids: list[int]
    distances: list[float]
    metric: str
    signature: str
    is_all: bool
    """Whether these are all hits."""

    is_near: bool = False
    """Whether no photo meets all conditions, and these come nearest."""


class Ranked(NamedTuple):
    """A hit; if copies are stacked, `copy_of` is the nearest hit that it is a copy of."""

    rank: int
    id: int
    distance: float
    measure: str
    copy_of: int | None


class Met(NamedTuple):
    """The photos that meet conditions, best first, and 1 - their scores."""

    ids: NDArray[np.int64]
    distances: NDArray[np.float64]


class Searcher:
    """Answers searches in one index; rankings are cached, so that paging is cheap.

    Parameters
    ----------
    shelf : Shelf
        The index.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._rankings: Recent[tuple[object, ...], Found] = Recent(64)
        self._meetings: Recent[tuple[object, ...], Met] = Recent(16)
        self.feedback = FeedbackOptions()

    def answer(self, ask: Ask) -> Answer:
        """Return one page of hits.

        Raises
        ------
        SemsigError
            If anything is wrong with the request.
        """
        started = time.perf_counter()
        conditions = understand(self._shelf.engine, ask.words, ask.without)
        found = self._ranking(ask)
        stop = ask.offset + ask.k
        more = not found.is_all or stop < len(found.ids)
        return Answer(
            total=self._total(ask, found, conditions),
            hits=[
                HitFacts.model_validate(self._shelf.facts(one.id).model_dump() | one._asdict())
                for one in self._ranked(ask, found)
            ],
            next=stop if more else None,
            signature=found.signature,
            metric=found.metric,
            understood=str(conditions),
            suggestions=self._shelf.shares.suggest(found.ids[:_SPLIT], conditions),
            seconds=time.perf_counter() - started,
        )

    def hits(self, ask: Ask) -> list[Ranked]:
        """Return one page of hits by id, without looking up their files."""
        return self._ranked(ask, self._ranking(ask))

    def _ranked(self, ask: Ask, found: Found) -> list[Ranked]:
        stop = min(ask.offset + ask.k, len(found.ids))
        nearer = self._shelf.copies(found.ids[:stop]) if ask.stack else {}
        metric = found.metric
        return [
            Ranked(
                rank=row + 1,
                id=found.ids[row],
                distance=found.distances[row],
                measure=print_distance(found.distances[row], metric) if metric else "",
                copy_of=nearer.get(found.ids[row]),
            )
            for row in range(ask.offset, stop)
        ]

    def _total(self, ask: Ask, found: Found, conditions: Conditions) -> int:
        if found.is_near:
            return 0
        if found.is_all:
            return len(found.ids)
        ids = self._met(conditions).ids if len(conditions) else self._shelf.engine.index.ids
        return len(ids) - int(np.isin(ids, list(_left_out(ask))).sum())

    def _met(self, conditions: Conditions, *, nearly: bool = False) -> Met:
        """Return the photos that meet conditions; with `nearly` all, the nearest to it first."""
        index = self._shelf.engine.index

        def evaluate() -> Met:
            ids, batch = index.to_batch()
            if nearly:
                met, score = np.ones(len(ids), np.bool_), conditions.nearness(batch)
            else:
                met, score = conditions.evaluate(batch)
            rows = np.flatnonzero(met)
            order = rows[np.argsort(-score[rows], kind="stable")]
            return Met(ids[order], 1 - score[order])

        return self._meetings.get((nearly, str(conditions), index.content), evaluate)

    def _ranking(self, ask: Ask) -> Found:
        """Return at least as many hits as requested, or all there are."""
        total = max(1, len(self._shelf.engine))
        depth = _FIRST
        while depth < min(max(ask.offset + ask.k, _SPLIT), total):
            depth *= 2
        depth = total if ask.threshold is not None else min(depth, total)
        key = (
            ask.model_copy(update={"k": 1, "offset": 0, "stack": False}).model_dump_json(),
            depth,
            self._shelf.engine.index.content,
        )
        return self._rankings.get(key, lambda: self._rank(ask, depth))

    def _rank(self, ask: Ask, depth: int) -> Found:
        left_out = _left_out(ask)
        wanted = min(depth + len(left_out), max(1, len(self._shelf.engine)))
        found = self._search(ask, wanted)
        limit = float("inf") if ask.threshold is None else ask.threshold
        pairs = [
            (id_, distance)
            for id_, distance in zip(found.ids, found.distances, strict=True)
            if id_ not in left_out and distance <= limit
        ]
        is_all = len(found.ids) < wanted or wanted >= len(self._shelf.engine)
        ids, distances = [id_ for id_, _ in pairs], [distance for _, distance in pairs]
        return found._replace(ids=ids, distances=distances, is_all=is_all)

    def _search(self, ask: Ask, k: int) -> Found:
        engine = self._shelf.engine
        if ask.right or ask.wrong or len(ask.photos) > 1 or any(p.weight < 0 for p in ask.photos):
            return self._blended(ask, k)
        if self._is_at_hand(ask):
            return self._blended(ask, k)  # saves the engine's look-up of every hit
        if ask.layout is not None:
            if ask.photos:
                raise QueryError("Expected photos or a layout, got both; take one of them away.")
            return self._by_engine(ask, self._shelf.layout(ask.layout), k)
        if ask.photos:
            return self._by_engine(ask, self._shelf.query(ask.photos[0]), k)
        conditions = understand(engine, ask.words, ask.without)
        if len(conditions):
            met = self._met(conditions)
            is_near = not len(met.ids)
            if is_near:
                met = self._met(conditions, nearly=True)
            ids, distances = met.ids[:k].tolist(), met.distances[:k].tolist()
            return Found(ids, distances, BY_SCORE, "", is_all=False, is_near=is_near)
        ids = [int(id_) for id_ in engine.index.ids[:k]]
        return Found(ids, [0.0] * len(ids), "", "", is_all=False)

    def _is_at_hand(self, ask: Ask) -> bool:
        """Tell whether a search needs nothing but a stored signature."""
        plain = not (ask.mirrored or ask.rerank or ask.without.strip() or ask.layout)
        whole = [p for p in ask.photos if p.id is not None and p.crop is None and not p.rotate]
        return plain and len(whole) == 1 and ask.signature in (None, *self._shelf.engine.sides)

    def _by_engine(self, ask: Ask, query: Any, k: int) -> Found:
        engine = self._shelf.engine
        self._refuse_slow(ask)
        without = written(engine, ask.without)
        signature = ask.signature or engine.ranked_by(query, ask.metric, without)
        hits = engine.search(
            query,
            k,
            signature=signature,
            metric=ask.metric,
            has=written(engine, ask.words),
            without=without,
            crop=box_of(ask.photos[0]) if ask.photos else None,
            mirrored=ask.mirrored,
            rerank=_RERANK[ask.rerank] if ask.rerank else None,
        )
        ids, distances = [hit.id for hit in hits], [hit.distance for hit in hits]
        return Found(ids, distances, hits[0].metric if hits else "", signature, is_all=False)

    def _refuse_slow(self, ask: Ask) -> None:
        if ask.rerank and ask.rerank not in self._shelf.rerankings:
            raise QueryError(
                f"Expected at most {MOST_NEIGHBOURS:,} photos to be ranked anew by shared "
                f"neighbours, got {len(self._shelf.engine):,}; take 'expand'."
            )

    def _blended(self, ask: Ask, k: int) -> Found:
        """Search by several photos, and by marked ones."""
        engine = self._shelf.engine
        layout = None if ask.layout is None else self._shelf.layout(ask.layout)
        name = ask.signature or engine.ranked_by(layout, ask.metric)
        if name == FUSED:
            raise QueryError(
                f"Expected one signature of {', '.join(self._shelf.signatures)} for several photos "
                f"or marks, got {FUSED}."
            )
        side = self._side(name)
        refuse_metric(name, side.kind.metrics, ask.metric)
        asked: list[Any] = [self._signature(name, photo) for photo in ask.photos]
        weights = [photo.weight for photo in ask.photos]
        if layout is not None:
            asked.append(side.encoder(Inputs(label_map=layout)))
            weights.append(1.0)
        asked += [self._signature(name, QueryPhoto(id=id_)) for id_ in [*ask.right, *ask.wrong]]
        given = self.feedback.weights(weights, len(ask.right), len(ask.wrong))
        mixed = asked[0] if len(asked) == 1 and given[0] > 0 else blend(asked, given)
        metric = ask.metric or side.kind.metrics[0]
        filter_ids = self._meeting(ask)
        if filter_ids is not None and not len(filter_ids):
            return Found([], [], metric, name, is_all=True)
        options = side.kind.search_options(metric)
        distances, ids = side.search([mixed], k, filter_ids=filter_ids, **options)
        kept = ids[0] >= 0
        return Found(ids[0][kept].tolist(), distances[0][kept].tolist(), metric, name, False)

    def _side(self, name: str) -> SideIndex:
        sides = self._shelf.engine.sides
        if name not in sides:
            raise QueryError(f"Expected one of {', '.join(sides)}, got {name!r}.")
        return sides[name]

    def _meeting(self, ask: Ask) -> Any:
        conditions = understand(self._shelf.engine, ask.words, ask.without)
        if not len(conditions):
            return None
        return self._met(conditions).ids

    def _signature(self, name: str, photo: QueryPhoto) -> Any:
        """Return a photo's signature, from the index or computed now."""
        side = self._side(name)
        if photo.id is not None and photo.crop is None and not photo.rotate and side.has(photo.id):
            return side.index.signature(photo.id)
        image = Inputs(image=self._shelf.pixels(photo))
        signer = Signer(lambda: self._shelf.engine.segmenter, {name: side.encoder})
        return side.encoder(signer.view(image, box_of(photo), mirrored=False)[0])


def _left_out(ask: Ask) -> set[int]:
    """Return the photos to leave out of the hits: those marked wrong, and the queries."""
    asked = {photo.id for photo in ask.photos if photo.id is not None and photo.crop is None}
    return set(ask.wrong) | (set() if ask.include_self else asked)


def describe_parts(
    shelf: Shelf, photo: QueryPhoto, boxes: Sequence[tuple[float, float, float, float] | None]
) -> list[Any]:
    """Return the pooled descriptors of parts of a photo, from one forward pass of the network."""
    engine = shelf.engine
    image = shelf.pixels(photo)
    parts = []
    for crop in boxes:
        box = box_of(QueryPhoto(id=0, crop=crop))
        part = image[box.slices(*image.shape[:2])] if box else image
        parts.append(np.ascontiguousarray(part))
    side = engine.sides["pooled"]
    signer = Signer(lambda: engine.segmenter, {"pooled": side.encoder})
    return [signed["pooled"] for signed in signer.sign([Inputs(image=part) for part in parts])]
