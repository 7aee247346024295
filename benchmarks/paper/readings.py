"""Possible readings of the paper's "MAP", whose divisor it leaves open, with chance under each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper.distances import sbs_distances, vector_distances
from benchmarks.paper.facts import TITLES, number, paper
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Heading, Part, Table, Text
from benchmarks.paper.table6 import COLUMNS, describe_locally
from benchmarks.rivals.local import BagOfWords, Vlad
from semsig.evaluate.measures import Relevance, average_precision, average_precision_first
from semsig.evaluate.rankings import Distances, RankingOptions, rank

READINGS = {
    "map_paper": "AP of the first R over the hits there; the query is its own first hit",
    "query left out": "the same without the query",
    "over R": "AP of the first R over R; the query is its own first hit",
    "map": "AP of the whole ranking over all relevant; the query is its own first hit",
    "map, query left out": "the same without the query",
}


def run(materials: list[Material]) -> dict[str, Any]:
    """Measure chance, two rivals and the paper's own signature under every reading."""
    found = {}
    for material in (m for m in materials if m.dataset.mode == "query-in-ground-truth"):
        ways = {
            "chance": _chance(material),
            "BoVW, KAZE": vector_distances(
                material, describe_locally(material, materials, BagOfWords)
            ),
            "VLAD, KAZE": vector_distances(material, describe_locally(material, materials, Vlad)),
            **{
                f"SBS, {name}": sbs_distances(material, RankingOptions(), name)
                for name in material.segmenters
            },
        }
        found[material.name] = {name: _read(material, of) for name, of in ways.items()}
    return found


def _chance(material: Material) -> Distances:
    count = int(material.photos.in_database.sum())
    random = np.random.default_rng(0)
    return lambda asked: random.random((len(asked), count), np.float32)


def _read(material: Material, distances: Distances) -> dict[str, float]:
    photos, cutoff = material.photos, material.dataset.cutoff
    database = np.flatnonzero(photos.in_database)
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in READINGS}
    for asked, order in rank(distances, np.flatnonzero(photos.is_query), database):
        relevance = np.take_along_axis(photos.judge(asked, database), order, axis=1) > 0
        for name, scores in _under_each(relevance, cutoff).items():
            values[name].append(scores)
    return {name: round(float(np.concatenate(of).mean()), 4) for name, of in values.items()}


def _under_each(relevance: Relevance, cutoff: int | None) -> dict[str, NDArray[np.float64]]:
    """Measure rankings that begin with the query."""
    size = relevance.sum(1)
    first = np.minimum(size, cutoff or size)
    within = np.arange(relevance.shape[1]) < first[:, None]
    rest = relevance[:, 1:]
    return {
        "map_paper": average_precision_first(relevance, first),
        "query left out": average_precision_first(rest, first),
        "over R": average_precision(relevance & within, first),
        "map": average_precision(relevance, size),
        "map, query left out": average_precision(rest, size - 1),
    }


def show(found: dict[str, Any]) -> list[Part]:
    """Compare every reading with the paper's figure for the method."""
    rows = [
        [TITLES[name], method, _theirs(method, name), *(number(of[r]) for r in READINGS)]
        for name, methods in found.items()
        for method, of in methods.items()
    ]
    return [
        Heading("What the paper's MAP can mean"),
        Table(["dataset", "method", "paper", *READINGS], rows),
        Text("; ".join(f"{name}: {text}" for name, text in READINGS.items()) + "."),
    ]


def _theirs(method: str, dataset: str) -> str:
    rivals = {"BoVW, KAZE": "bovw", "VLAD, KAZE": "vlad"}
    if method in rivals:
        return number(paper()["table6"][rivals[method]][COLUMNS.index(dataset)], 2)
    if method.startswith("SBS"):
        low, high = (paper()["table3"][table][dataset][3] for table in ("coco_stuff", "mseg"))
        return f"{low:.2f}–{high:.2f}"
    return "–"
