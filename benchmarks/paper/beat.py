"""Better numbers from the same photos: step by step, and what did not help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from typing import Any

from benchmarks.paper.axes import Axes, joined
from benchmarks.paper.distances import (
    fused,
    remembered,
    sbovp_vectors,
    sbs_distances,
    scores,
    vector_distances,
)
from benchmarks.paper.facts import TITLES, with_interval
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Heading, Part, Table, Text
from benchmarks.rivals.local import unit_rows
from semsig.evaluate.rankings import Distances, RankingOptions
from semsig.search.options import ExpandOptions, Reranking, RerankOptions
from semsig.segment.card import PACKAGED
from semsig.segment.onnx import OnnxSegmenter

GEM = 2
PYRAMID = RankingOptions(metric="tanimoto-idf", pyramid=True, mirrored=True)
FUSIONS: dict[str, Mapping[str, float]] = {
    "SBS + SBOVP": {"sbs": 0.25, "sbovp": 0.5},
    "SBS + SBOVP + GeM": {"sbs": 0.25, "sbovp": 0.5, "gem": 1},
    "SBS + SBOVP + axes": {"sbs": 0.1, "sbovp": 0.25, "axes": 1},
}
"""What each distance counts: chosen by `scripts.choose_ranking`, as all else here, for the embedded
network; lite goes by the same."""

RERANK = RerankOptions()
EXPAND = ExpandOptions()
ANEW: dict[str, Reranking] = {"re-ranked": RERANK, "expanded": EXPAND}

SBS = {
    "SBS, Hamming (the paper's)": RankingOptions(),
    "Tanimoto": RankingOptions(metric="tanimoto"),
    "idf-Tanimoto": RankingOptions(metric="tanimoto-idf"),
    "idf-Tanimoto, pyramid": RankingOptions(metric="tanimoto-idf", pyramid=True),
    "idf-Tanimoto, pyramid, mirrored": PYRAMID,
}
ALONE = {
    "sbovp": "SBOVP alone",
    "sbs": "SBS alone (pyramid, mirrored)",
    "gem": "GeM alone",
    "axes": "axes alone",
}

TARGETS = {
    "wang": {"map_paper": 0.89, "p@20": 0.90},
    "msrc_v1": {"map_paper": 0.91},
    "msrc_v2": {"map_paper": 0.85, "map": 0.72},
}
MEASURES = ("map_paper", "map", "p@20")


def phrases(material: Material, segmenter: str = "embedded") -> Distances:
    """Return distances of bags of visual phrases, as semsig makes them by default."""
    return vector_distances(material, sbovp_vectors(material.phrases("kaze", segmenter)))


def parts(material: Material, segmenter: str = "embedded") -> dict[str, Distances]:
    """Return the distances that are fused, each computed once.

    Features come with the package's networks only; axes only if learned for the network.
    """
    made = {
        "sbs": sbs_distances(material, PYRAMID, segmenter),
        "sbovp": phrases(material, segmenter),
    }
    network = material.segmenters[segmenter]
    if isinstance(network, OnnxSegmenter):
        features, axes = material.features(segmenter), Axes.read()
        made["gem"] = vector_distances(material, unit_rows(features[:, GEM]))
        if axes.network == network.fingerprint:
            made["axes"] = vector_distances(material, axes(joined(features)))
    return {name: remembered(material, distances) for name, distances in made.items()}


def fusion(of: Mapping[str, Distances], weights: Mapping[str, float]) -> Distances:
    """Return the weighted sum of some distances."""
    return fused([(weight, of[name]) for name, weight in weights.items()])


def fusions(of: Mapping[str, Distances]) -> dict[str, Distances]:
    """Return the fusions of what is there, the best last."""
    return {
        name: fusion(of, weights)
        for name, weights in FUSIONS.items()
        if weights.keys() <= of.keys()
    }


def best(material: Material, segmenter: str = "embedded") -> tuple[Distances, Reranking]:
    """Return what reached most on held-out training photos, with the embedded network."""
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
            "95 % intervals by bootstrap over queries. “GeM” and “axes” are features of the "
            "network, pooled: by generalised mean, and all three poolings along the axes "
            "that part the categories of training photos best. Nothing was chosen on these sets: "
            "shares, counts of neighbours and axes come from training photos, the former from "
            "ones unseen by the embedded network (scripts/choose_ranking.py, "
            "scripts/learn_axes.py); lite goes by the same shares and counts."
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
