"""After training: export, comparison, figures on the held-out photos, card, pictures."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from semsig.distill.card import CardFacts, model_card
from semsig.distill.measure import Agreement
from semsig.distill.photos import PhotoStore
from semsig.distill.report import ROWS, draw_curves, draw_samples
from semsig.distill.result import DistillResult
from semsig.distill.samples import Sample, samples
from semsig.distill.teacher import write_table
from semsig.distill.training import Training
from semsig.durable import write_file
from semsig.errors import SegmenterError
from semsig.segment.export import export_network, rule_out
from semsig.segment.onnx import OnnxSegmenter
from semsig.segment.options import NetworkOptions

CHECKED = 32
"""Number of held-out squares on which the exported network is compared with the trained one."""

CLEAR_LEAD = 0.05
"""A pixel is clear if the best class's score exceeds the second's by more than this."""

EDGE = 0.02
"""A class is borderline if its share differs from the least share by less than this part of it."""

LEAST_AGREEMENT = 0.999
"""Smallest share of clear pixels on which the exported network must agree."""


def finish(
    training: Training,
    store: PhotoStore,
    held: NDArray[np.int64],
    catalogue: Mapping[str, Mapping[str, str]],
) -> DistillResult:
    """Write all files that :func:`semsig.distill.distill` lists; return the figures.

    Raises
    ------
    SegmenterError
        If the exported network's labels differ from the trained one's.
    """
    segmenter = _export(training)
    export_agreement = _compare(training, segmenter)
    held_out, spread, failures = _measure(segmenter, store, held)
    result = DistillResult(
        out=training.options.out,
        onnx=training.options.out / "model.onnx",
        views=training.views,
        minutes=training.minutes,
        held_out=held_out,
        export_agreement=export_agreement,
    )
    facts = CardFacts(
        options=training.options,
        result=result,
        network=segmenter.card,
        parameters=sum(weight.numel() for weight in training.learner.average.parameters()),
        photos=len(store),
        held=len(held),
        catalogue={p.stem: catalogue[p.stem] for p in store.paths if p.stem in catalogue},
        log=training.log.rows(),
    )
    write_file(result.out / "MODEL_CARD.md", model_card(facts).encode())
    write_table(store.classes, result.out / "classes.txt")
    draw_curves(facts.log, result.out / "curves.png")
    draw_samples(spread, result.out / "overlays.png")
    draw_samples(failures, result.out / "failures.png")
    return result


def _export(training: Training) -> OnnxSegmenter:
    options, learner = training.options, training.learner
    path = options.out / "model.onnx"
    export_network(
        copy.deepcopy(learner.average).cpu(),
        learner.classes,
        path,
        short_side=options.side,
        least_share=options.least_share,
        provenance={
            "made by": "semsig distill",
            "network": f"fcn_{options.arch}",
            "photos_seen": str(training.views),
        },
    )
    return OnnxSegmenter(path, NetworkOptions(threads=options.threads))


def _compare(training: Training, segmenter: OnnxSegmenter) -> float:
    """Share of pixels on which the exported network agrees with torch.

    Rounding weights to fp16 may change near-ties, but not pixels where the best class leads
    clearly. In a square with a borderline class, which rounding may rule out or not, no pixel
    counts as clear.
    """
    squares = np.stack([image for image, _ in training.squares[:CHECKED]])
    exported = np.stack([label_map.labels for label_map in segmenter.batch(list(squares))])
    answer = torch.from_numpy(training.learner.scores(squares))
    scores = rule_out(answer, training.options.least_share).numpy()
    second, best = np.partition(scores, -2, axis=1)[:, -2:].swapaxes(0, 1)
    least = training.options.least_share
    fewer, more = (rule_out(answer, least * by).isinf().numpy() for by in (1 - EDGE, 1 + EDGE))
    settled = (fewer == more).all((1, 2, 3))
    same = scores.argmax(1) == exported
    clear = (best - second > CLEAR_LEAD) & settled[:, None, None]
    if same[clear].sum() < LEAST_AGREEMENT * clear.sum():
        raise SegmenterError(
            f"The exported network agrees with the trained one on {same[clear].mean():.3%} of the "
            f"pixels that are clear; expected {LEAST_AGREEMENT:.1%}. The trained weights are in "
            f"{training.options.out / 'weights.pth'}."
        )
    return float(same.mean())


def _measure(
    segmenter: OnnxSegmenter, store: PhotoStore, held: NDArray[np.int64]
) -> tuple[Agreement, list[Sample], list[Sample]]:
    """Compare whole photos with the teacher's maps; return the agreement, and samples to show.

    The first samples are evenly spread, the others those with the least agreement.
    """
    total = np.zeros((len(store.classes),) * 2, np.int64)
    shown = set(held[:: max(1, len(held) // ROWS)][:ROWS].tolist())
    spread: list[Sample] = []
    worst: list[tuple[float, int, Sample]] = []
    positions = held.tolist()
    for position, sample in zip(positions, samples(segmenter, store, positions), strict=True):
        confusion = sample.confusion
        total += confusion
        if position in shown:
            spread.append(sample)
        if confusion.any():
            worst = sorted([*worst, (Agreement(confusion).pixels, position, sample)])[:ROWS]
    return Agreement(total), spread, [sample for _, _, sample in worst]
