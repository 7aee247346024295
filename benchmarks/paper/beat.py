"""Better numbers from the same photos: step by step, and what did not help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from typing import Any

from benchmarks.paper.distances import kind_distances, remembered, sbs_distances, scores
from benchmarks.paper.facts import TITLES, with_interval
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Heading, Part, Table, Text
from semsig.evaluate.rankings import Distances, RankingOptions
from semsig.search.fusion import FusionOptions
from semsig.search.options import ExpandOptions, Reranking, RerankOptions
from semsig.segment.card import PACKAGED
from semsig.signatures import signature_kinds

FUSIONS = {
    "SBS + SBOVP": FusionOptions(shares={"sbs": 0.5, "sbovp": 0.5}),
    "SBS + SBOVP + pooled": FusionOptions(),
}
"""As semsig fuses by default, with pooled descriptors and without."""

RERANK = RerankOptions()
EXPAND = ExpandOptions()
ANEW: dict[str, Reranking] = {"re-ranked": RERANK, "expanded": EXPAND}

SBS = {
    "SBS, Hamming (the paper's)": RankingOptions(),
    "Tanimoto": RankingOptions(metric="tanimoto"),
    "idf-Tanimoto": RankingOptions(metric="tanimoto-idf"),
    "idf-Tanimoto, pyramid": RankingOptions(metric="tanimoto-idf", pyramid=True),
    "idf-Tanimoto, pyramid, mirrored": RankingOptions(
        metric="tanimoto-idf", pyramid=True, mirrored=True
    ),
}
ALONE = {"sbs": "idf-Tanimoto", "sbovp": "SBOVP alone", "pooled": "pooled alone"}

TARGETS = {
    "wang": {"map_paper": 0.89, "p@20": 0.90},
    "msrc_v1": {"map_paper": 0.91},
    "msrc_v2": {"map_paper": 0.85, "map": 0.72},
}
MEASURES = ("map_paper", "map", "p@20")


def parts(material: Material, segmenter: str = "embedded") -> dict[str, Distances]:
    """Return the distances that are fused, each computed once: pooled ones by networks only."""
    source = material.segmenters[segmenter]
    return {
        kind.name: remembered(material, kind_distances(material, kind, segmenter))
        for kind in signature_kinds()
        if kind.suits(source)
    }


def fusions(of: Mapping[str, Distances]) -> dict[str, Distances]:
    """Return the fusions of what is there, the best last."""
    return {
        name: _fused(of, options)
        for name, options in FUSIONS.items()
        if options.shares.keys() <= of.keys()
    }


def _fused(of: Mapping[str, Distances], options: FusionOptions) -> Distances:
    return lambda asked: options.fuse({name: of[name](asked) for name in options.shares})


def best(material: Material, segmenter: str = "embedded") -> tuple[Distances, Reranking]:
    """Return what reached most on held-out training photos."""
    return [*fusions(parts(material, segmenter)).values()][-1], RERANK


def run(materials: list[Material]) -> dict[str, Any]:
    """Measure every step with every source of label maps."""
    return {
        material.name: {
            segmenter: {name: scores(material, *way) for name, way in _ways(material, segmenter)}
            for segmenter in material.segmenters
        }
        for material in materials
    }


def _ways(
    material: Material, segmenter: str
) -> Iterator[tuple[str, tuple[Distances, Reranking | None]]]:
    for name, options in SBS.items():
        yield name, (sbs_distances(material, options, segmenter), None)
    of = parts(material, segmenter)
    alone = {ALONE[name]: of[name] for name in of}
    for name, distances in (fusions(of) | alone).items():
        if name != ALONE["sbs"]:
            yield name, (distances, None)
        for how, options in ANEW.items():
            yield f"{name}, {how}", (distances, options)


def show(found: dict[str, Any]) -> list[Part]:
    """Tabulate the steps with intervals, what did not help, and the targets."""
    shown: list[Part] = [Heading("Beyond the paper")]
    for name, by_segmenter in found.items():
        rows = [
            [segmenter, step, *(with_interval(scored, m) for m in MEASURES)]
            for segmenter, steps in by_segmenter.items()
            for step, scored in steps.items()
        ]
        header = [f"{TITLES[name]}: label maps", "distance", *MEASURES]
        shown.append(Table(header, rows))
    shown.append(
        Text(
            "95 % intervals by bootstrap over queries. “Pooled” are the descriptors that an index "
            "has by default. Nothing was chosen on these sets: how features are pooled and "
            "projected, shares and counts of neighbours come from training photos "
            "(scripts/choose_pooled.py, scripts/choose_defaults.py)."
        )
    )
    return [*shown, *_setbacks(found), *_targets(found)]


def _setbacks(found: dict[str, Any]) -> Iterator[Part]:
    """Yield the SBS steps after which map was no higher than before, by dataset."""
    worse = []
    for name, by_segmenter in found.items():
        for segmenter, steps in by_segmenter.items():
            values = [(step, steps[step]["map"]) for step in SBS]
            worse += [
                [TITLES[name], segmenter, step, f"{after - before:+.3f}"]
                for (_, before), (step, after) in pairwise(values)
                if after <= before
            ]
    if worse:
        yield Text("Steps that did not help:")
        yield Table(["dataset", "label maps", "step", "map"], worse)


def _targets(found: dict[str, Any]) -> Iterator[Part]:
    rows = []
    for name, network in product(TARGETS, PACKAGED):
        steps = found.get(name, {}).get(network, {})
        if not steps:
            continue
        step = [f"{fusion}, re-ranked" for fusion in FUSIONS if fusion in steps][-1]
        for measure, target in TARGETS[name].items():
            reached = steps[step][measure]
            verdict = "reached" if reached >= target else f"{reached - target:+.3f}"
            cells = [step, measure, f"{target:.2f}", f"{reached:.3f}", verdict]
            rows.append([TITLES[name], network, *cells])
    if rows:
        yield Table(["dataset", "network", "distance", "measure", "target", "reached", ""], rows)
