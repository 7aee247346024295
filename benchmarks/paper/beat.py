"""Better numbers from the same photos: step by step, and what did not help."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

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
from semsig.config import RerankOptions
from semsig.rankings import Distances, RankingOptions
from semsig.signature.sbovp import sbovp_batch
from semsig.signature.vocabulary import default_vocabulary

GEM = 2
PYRAMID = RankingOptions(metric="tanimoto-idf", pyramid=True, mirrored=True)
WEIGHTS = {"sbs": 0.25, "sbovp": 0.5, "gem": 1.0}
"""Those of SBS and GeM: near equal shares, the best on held-out training photos; that of SBOVP is a
guess until ``scripts/choose_ranking.py`` has run to its end."""

RERANK = RerankOptions()

SBS = {
    "SBS, Hamming (the paper's)": RankingOptions(),
    "Tanimoto": RankingOptions(metric="tanimoto"),
    "idf-Tanimoto": RankingOptions(metric="tanimoto-idf"),
    "idf-Tanimoto, pyramid": RankingOptions(metric="tanimoto-idf", pyramid=True),
    "idf-Tanimoto, pyramid, mirrored": PYRAMID,
}

TARGETS = {
    "wang": {"map_paper": 0.89, "p@20": 0.90},
    "msrc_v1": {"map_paper": 0.91},
    "msrc_v2": {"map_paper": 0.85, "map": 0.72},
}
ALL = "SBS + SBOVP + GeM, re-ranked"
MEASURES = ("map_paper", "map", "p@20")


def phrases(material: Material, segmenter: str = "embedded") -> Distances:
    """Return distances of bags of visual phrases, as semsig makes them by default."""
    batch = sbovp_batch(
        material.keypoints("kaze"), material.label_maps(segmenter), default_vocabulary("kaze")
    )
    return vector_distances(material, sbovp_vectors(batch))


def gem(material: Material) -> Distances:
    """Return distances of GeM-pooled features of the embedded network."""
    return vector_distances(material, unit_rows(material.features[:, GEM]))


def parts(material: Material, segmenter: str = "embedded") -> dict[str, Distances]:
    """Return the distances that are fused, each computed once."""
    made = {
        "sbs": sbs_distances(material, PYRAMID, segmenter),
        "sbovp": phrases(material, segmenter),
        "gem": gem(material),
    }
    return {name: remembered(material, distances) for name, distances in made.items()}


def fusion(of: dict[str, Distances], *names: str) -> Distances:
    """Return the weighted sum of some distances."""
    return fused([(WEIGHTS[name], of[name]) for name in names])


def best(material: Material) -> tuple[Distances, RerankOptions]:
    """Return what reached most on held-out training photos."""
    return fusion(parts(material), *WEIGHTS), RERANK


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
) -> Iterator[tuple[str, tuple[Distances, RerankOptions | None]]]:
    for name, options in SBS.items():
        yield name, (sbs_distances(material, options, segmenter), None)
    of = parts(material, segmenter)
    both, every = fusion(of, "sbs", "sbovp"), fusion(of, *WEIGHTS)
    yield "SBS + SBOVP", (both, None)
    if segmenter == "embedded":
        yield "SBS + SBOVP + GeM", (every, None)
        yield ALL, (every, RERANK)
        yield "GeM alone", (of["gem"], None)
        yield "GeM alone, re-ranked", (of["gem"], RERANK)
    yield "SBOVP alone", (of["sbovp"], None)
    yield "SBS alone (pyramid, mirrored), re-ranked", (of["sbs"], RERANK)
    yield "SBS + SBOVP, re-ranked", (both, RERANK)


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
            "95 % intervals by bootstrap over queries. Nothing was chosen on these sets: counts of "
            "neighbours and the shares of SBS and GeM on held-out training photos, that of SBOVP "
            "beforehand."
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
    for name, targets in TARGETS.items():
        for measure, target in targets.items():
            steps = found.get(name, {}).get("embedded", {})
            if steps:
                reached = steps[ALL][measure]
                verdict = "reached" if reached >= target else f"{reached - target:+.3f}"
                rows.append([TITLES[name], measure, f"{target:.2f}", f"{reached:.3f}", verdict])
    if rows:
        yield Table(["dataset", "measure", "target", "embedded network, all", ""], rows)
