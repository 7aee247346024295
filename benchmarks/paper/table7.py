"""Table 7 and Figure 12: precision of the first 20 on Wang, by class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.paper.beat import best
from benchmarks.paper.distances import kind_distances, sbs_distances
from benchmarks.paper.facts import number, paper
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Figure, Heading, Part, Table
from benchmarks.paper.plots import bars, save
from semsig.evaluate import measure
from semsig.evaluate.rankings import RankingOptions
from semsig.signatures import load_signature

QUOTED = {
    "elalami": "ElAlami 2014",
    "guo_prasetyo": "Guo and Prasetyo",
    "zeng": "Zeng et al. 2016",
    "pradhan": "Pradhan et al. 2018",
    "proposed": "the paper: SBOVP",
}


def run(materials: list[Material]) -> dict[str, Any]:
    """Measure p@20 by class on Wang: the paper's method and ours, by either network."""
    wang = next((material for material in materials if material.name == "wang"), None)
    if wang is None:
        return {}
    ways = {
        "SBS, Hamming": (sbs_distances(wang, RankingOptions()), None),
        "SBOVP": (kind_distances(wang, load_signature("sbovp")), None),
        "ours": best(wang),
        "SBS, Hamming, lite": (sbs_distances(wang, RankingOptions(), "lite"), None),
        "ours, lite": best(wang, "lite"),
    }
    found = {}
    for name, (distances, rerank) in ways.items():
        measured = measure(wang.dataset, wang.photos, distances, rerank=rerank)
        by_class = {class_: round(of["p@20"], 4) for class_, of in measured.per_class.items()}
        found[name] = {"all": round(measured.measures["p@20"], 4), "classes": by_class}
    return found


def show(found: dict[str, Any], figures: Path) -> list[Part]:
    """Put ours below the quoted methods; draw it by class."""
    if not found:
        return []
    rows = [[name, number(paper()["table7"][key], 2)] for key, name in QUOTED.items()]
    rows += [[name, number(of["all"])] for name, of in found.items()]
    classes = list(found["ours"]["classes"])
    plot = bars(
        classes,
        {name: list(of["classes"].values()) for name, of in found.items()},
        label="precision of the first 20",
    )
    by_class = [
        [name, *(number(of["classes"][class_]) for class_ in classes)] for name, of in found.items()
    ]
    return [
        Heading("Table 7. Precision of the first 20 on Wang"),
        Table(["method", "p@20"], rows),
        Table(["method", *classes], by_class),
        Figure(save(plot, figures, "figure12"), "Figure 12. Precision of the first 20 by class"),
    ]
