"""What photos of a benchmark are compared by: one kind of signature, or several fused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.evaluate.rankings import RankingOptions, all_distances, some_of
from semsig.search.fusion import FUSED, FusionOptions
from semsig.segment import Segmenter
from semsig.signatures import Encoder, SignatureKind, load_signature, signature_kinds
from semsig.types.metrics import refuse_metric

Signed = Sequence[Mapping[str, Any]]
"""A photo's views (itself, perhaps its mirror image): the signatures of each by part's name."""

Compare = Callable[[Sequence[Signed]], NDArray[np.float32]]
"""Signatures of Q photos to their distances (Q, N) to those of a database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the distances that are summed.

    Parameters
    ----------
    kind : SignatureKind
        What is compared.
    encoder : Encoder
        What makes it.
    metric : str
        By which distance.
    weight : float
        What the distance is multiplied by.
    """

    kind: SignatureKind
    encoder: Encoder
    metric: str
    weight: float = 1.0

    def among(self, signatures: Sequence[Any]) -> Callable[[Sequence[Any]], NDArray[np.float32]]:
        """Return the weighted distances to these signatures."""
        index = self.kind.index(self.encoder.schema)
        index.add(signatures)
        options = self.kind.search_options(self.metric)

        def compare(queries: Sequence[Any]) -> NDArray[np.float32]:
            return np.float32(self.weight) * all_distances(index, queries, **options)

        return compare

    def matrix(self, queries: Sequence[Any], database: Sequence[Any]) -> NDArray[np.float32]:
        """Return the weighted distances (Q, N) of all queries, made in batches."""
        compare, numbers = self.among(database), np.arange(len(queries))
        return np.concatenate([compare([queries[i] for i in some]) for some in some_of(numbers)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How photos are compared: by the weighted sum of the distances of some parts.

    Parameters
    ----------
    parts : mapping of str to Part
        The parts, by names of their own.
    mirrored : bool
        Whether a query's mirror image is compared as well; the nearer counts.
    settings : mapping of str to anything JSON takes
        What it depends on.
    """

    parts: Mapping[str, Part]
    mirrored: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def encoders(self) -> dict[str, Encoder]:
        """What makes the signatures of each part."""
        return {name: part.encoder for name, part in self.parts.items()}

    def among(self, database: Sequence[Signed]) -> Compare:
        """Return the distances to these photos, shape (Q, N)."""
        compare = {
            name: part.among([views[0][name] for views in database])
            for name, part in self.parts.items()
        }

        def distances(queries: Sequence[Signed]) -> NDArray[np.float32]:
            total: NDArray[np.float32] | int = 0
            for name, to_database in compare.items():
                views = zip(*queries, strict=True)
                found = [to_database([each[name] for each in view]) for view in views]
                total = total + np.min(found, axis=0)
            return np.asarray(total, np.float32)

        return distances


def ranked_by(segmenter: Segmenter, options: RankingOptions) -> str:
    """Return the signature that photos are ranked by if none is named.

    Of those that a new index of the segmenter has, the one of the lowest rank that has the
    metric and the levels asked for.
    """
    fitting = [
        kind
        for kind in signature_kinds()
        if kind.is_default(segmenter)
        and (options.metric is None or options.metric in kind.metrics)
        and (kind.has_levels or not options.pyramid)
    ]
    return min(fitting, key=lambda kind: kind.rank).name if fitting else "sbs"


def compare_by(
    signature: str | FusionOptions,
    segmenter: Segmenter,
    options: RankingOptions,
    encoding: Mapping[str, Mapping[str, Any]] | None = None,
) -> Comparison:
    """Return the comparison by `signature` of photos that a segmenter sees.

    Parameters
    ----------
    signature : str or FusionOptions
        The name of a kind of signature, "fused", or how to fuse several.
    segmenter : Segmenter
        What makes label maps and features.
    options : RankingOptions
        Levels, metric, mirror images; what is fused has metrics of its own.
    encoding : mapping of str to mapping, optional
        Further options of the kinds' encoders, by the kinds' names.

    Raises
    ------
    OptionError
        If there is no such signature or metric, the segmenter does not give what it needs,
        levels or mirror images are asked of what has none, or those to be fused have no bound.
    """
    given = {name: dict(of) for name, of in (encoding or {}).items()}
    fusion = _fusion_for(segmenter) if signature == FUSED else signature
    if isinstance(fusion, FusionOptions):
        refuse_metric(FUSED, (), options.metric)
        return _fused(fusion, segmenter, options, given)
    kind = load_signature(fusion)
    refuse_metric(kind.name, kind.metrics, options.metric)
    metric = options.metric or kind.metrics[0]
    parts = _parts(kind, segmenter, options, given, metric)
    return _comparison(parts, options, {"signature": kind.name, "metric": metric})


def _fusion_for(segmenter: Segmenter) -> FusionOptions:
    """Return a fusion of all signatures that suit a segmenter."""
    shares = FusionOptions().shares.items()
    suiting = {name: share for name, share in shares if load_signature(name).suits(segmenter)}
    return FusionOptions(shares=suiting)


def _fused(
    fusion: FusionOptions,
    segmenter: Segmenter,
    options: RankingOptions,
    given: Mapping[str, dict[str, Any]],
) -> Comparison:
    parts: dict[str, Part] = {}
    total = sum(fusion.shares.values())
    for name, share in fusion.shares.items():
        kind = load_signature(name)
        weight = share / total
        parts |= _parts(kind, segmenter, options, given, kind.fused_metric, weight=weight)
    return _comparison(parts, options, {"signature": FUSED, "shares": dict(fusion.shares)})


def _comparison(
    parts: Mapping[str, Part], options: RankingOptions, facts: Mapping[str, Any]
) -> Comparison:
    settings = dict(facts)
    for part in parts.values():
        settings |= part.encoder.settings
    settings |= {"pyramid": options.pyramid, "mirrored": options.mirrored}
    return Comparison(parts=parts, mirrored=options.mirrored, settings=settings)


def _parts(
    kind: SignatureKind,
    segmenter: Segmenter,
    options: RankingOptions,
    given: Mapping[str, dict[str, Any]],
    metric: str,
    *,
    weight: float | None = None,
) -> dict[str, Part]:
    """Return a kind's parts: one, or one per level of a pyramid."""
    how = given.get(kind.name, {})
    has_levels = kind.has_levels
    if options.pyramid and not has_levels and weight is None:
        raise OptionError(f"Expected no pyramid of {kind.title}, which have no levels.")
    levels = range(options.levels + 1) if options.pyramid else (options.levels,)
    each = [{**how, "levels": level} for level in levels] if has_levels else [how]
    parts = {}
    for number, one in enumerate(each):
        encoder = kind.encoder(segmenter, **one)
        scale = 1.0 if weight is None else weight * _scale(kind, encoder)
        parts[f"{kind.name} {number}"] = Part(
            kind=kind, encoder=encoder, metric=metric, weight=scale
        )
    return parts


def _scale(kind: SignatureKind, encoder: Encoder) -> float:
    scale = kind.scale(encoder.schema)
    if not scale:
        raise OptionError(
            f"Expected signatures of bounded distances to fuse, got {encoder.schema.describe()}; "
            "phrases need norm 'sqrt' or 'l2'."
        )
    return scale
