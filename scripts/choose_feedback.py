"""Choose the weights of relevance feedback on training photos, by simulated marks.

    python -m scripts.choose_feedback INDEX CSV

INDEX holds the photos with SBS and pooled signatures, CSV their `file` and `category`. Each of
200 photos, drawn with a fixed seed, searches for its category; in each round the first five
unmarked hits are marked right or wrong by their category, and the search is repeated. `seen` is the
precision of the first 20 as the page shows them (hits marked right stay, those marked wrong are
removed), `unseen` that of the first 20 without a mark.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.engine import Engine
from semsig.search.blending import blend
from semsig.search.feedback import FeedbackOptions

MIXED = frozenset({"voc", "imagenet", "coco", "coco2", "scene"})
"""Categories of mixed content, which do not count as categories."""
QUERIES, MARKS, ROUNDS, SHOWN = 200, 5, 3, 20


class Searcher:
    """Searches by blends of photos, among photos of known category."""

    def __init__(self, index: Any, search: Any, labels: dict[int, str]) -> None:
        self.index, self._search, self.labels = index, search, labels
        self._ids = np.array(sorted(labels), np.int64)

    def nearest(self, weights: dict[int, float], k: int) -> list[int]:
        """Return the ids nearest to a blend of photos, given as weights by id."""
        mixed = blend([self.index.signature(id_) for id_ in weights], list(weights.values()))
        return [int(id_) for id_ in self._search([mixed], k, filter_ids=self._ids)[1][0]]


def simulate(searcher: Searcher, query: int, options: FeedbackOptions) -> NDArray[np.float64]:
    """Return (seen, unseen) precision at 20 after 0 to ROUNDS rounds, shape (ROUNDS + 1, 2)."""
    right: list[int] = []
    wrong: list[int] = []
    found = np.zeros((ROUNDS + 1, 2))
    for turn in range(ROUNDS + 1):
        given = options.weights([1.0], len(right), len(wrong))
        weights = dict(zip([query, *right, *wrong], given, strict=True))
        hits = searcher.nearest(weights, SHOWN + 1 + MARKS * (turn + 1))
        fits = [searcher.labels[id_] == searcher.labels[query] for id_ in hits]
        pairs = list(zip(hits, fits, strict=True))
        shown = [fit for id_, fit in pairs if id_ != query and id_ not in wrong]
        fresh = [p for p in pairs if p[0] != query and p[0] not in wrong and p[0] not in right]
        found[turn] = np.mean(shown[:SHOWN]), np.mean([fit for _, fit in fresh[:SHOWN]])
        right += [id_ for id_, fit in fresh[:MARKS] if fit]
        wrong += [id_ for id_, fit in fresh[:MARKS] if not fit]
    return found


def main(index: str, table: str) -> None:
    """Print a table of weights and precisions for each signature."""
    engine = Engine.open(index)
    with Path(table).open(newline="") as rows:
        category = {row["file"]: row["category"] for row in csv.DictReader(rows)}
    labels = {
        int(id_): category[Path(path).name]
        for id_, path in zip(engine.index.ids, engine.paths, strict=True)
        if category[Path(path).name] not in MIXED
    }
    counts = Counter(labels.values())
    labels = {id_: name for id_, name in labels.items() if counts[name] > SHOWN + MARKS * ROUNDS}
    queries = np.random.default_rng(0).permutation(sorted(labels))[:QUERIES]
    sys.stdout.write(f"{len(labels):,} photos, {len(queries)} queries\n")
    pooled = engine.sides["pooled"]
    kinds = {
        "pooled": Searcher(pooled.index, pooled.search, labels),
        "sbs": Searcher(engine.index, engine.index.search, labels),
    }
    for name, searcher in kinds.items():
        for right, wrong in product((1.0, 2.0, 4.0), (0.0, 0.5, 1.0, 2.0)):
            options = FeedbackOptions(query=1.0, right=right, wrong=wrong)
            runs = [simulate(searcher, int(query), options) for query in queries]
            seen, unseen = np.mean(runs, axis=0).T
            columns = " ".join(f"{value:.3f}" for value in (*seen, *unseen))
            sys.stdout.write(f"{name} right={right:g} wrong={wrong:g} {columns}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
