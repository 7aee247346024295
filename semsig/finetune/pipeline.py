"""Fine-tuning from end to end: photos and groups, training, export, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig import __version__
from semsig.documents import Entries, parse_json
from semsig.durable import read_regular
from semsig.errors import CheckpointError
from semsig.evaluate.measures import average_precision
from semsig.finetune.export import export_descriptor
from semsig.finetune.groups import Groups, labelled, load_groups, split, unlabelled
from semsig.finetune.network import DescriptorNetwork, new_network
from semsig.finetune.options import FinetuneOptions
from semsig.finetune.report import draw_run, model_card
from semsig.finetune.result import FinetuneResult, Progress
from semsig.finetune.training import Training, describe, start_from
from semsig.finetune.whitening import gem_vectors, learn_whitening, matching_rows, whitened
from semsig.segment.card import sha256_of
from semsig.segment.onnx import OnnxSegmenter


def run(options: FinetuneOptions, progress: Callable[[Progress], None]) -> FinetuneResult:
    """See :func:`semsig.finetune.finetune`."""
    options.out.mkdir(parents=True, exist_ok=True)
    learned, outside = _divided(options)
    network = new_network(options.backbone, options.seed)
    if options.init is not None:
        start_from(network, options.init)
    old = labelled(options.old, options.side) if options.old else None
    measured = {"left_out": outside, "old": old}

    def measure() -> dict[str, float]:
        return {
            name: mean_precision(network, groups, options.side)
            for name, groups in measured.items()
            if groups is not None and len(groups)
        }

    before = _before(options, measure)
    training = Training(options, network, learned)
    if not options.resume:
        training.log.unlink(missing_ok=True)
    training.run(progress, measure)
    result = FinetuneResult(
        out=options.out,
        groups=len(np.unique(learned.labels[learned.labels >= 0])),
        photos=len(learned),
        epochs=training.epoch,
        minutes=training.minutes,
        power=float(network.power.detach()),
        before=before,
        after=measure(),
        pairs=None if learned.matches is None else len(learned.pairs()),
    )
    _write(options, network, result, training.log)
    if not training.views:
        result = replace(result, whitened=_whiten(options, result, learned, outside))
        _write_card(options, result, training.log)
    return result


def _whiten(
    options: FinetuneOptions, result: FinetuneResult, learned: Groups, outside: Groups | None
) -> float | None:
    """Learn whitening on the training photos; return the map of the left-out groups with it."""
    network = OnnxSegmenter(result.onnx)
    fitted = learn_whitening(
        *matching_rows(gem_vectors(network, learned, options.side), learned),
        network,
        f"{len(learned):,} photos that it was fine-tuned on",
    )
    fitted.save(options.out / "whitening.npz")
    if outside is None or not len(outside):
        return None
    vectors = gem_vectors(network, outside, options.side)
    return precision_of(whitened(vectors, fitted), outside.labels)


def _divided(options: FinetuneOptions) -> tuple[Groups, Groups | None]:
    """Return the photos to learn from, and those of left-out groups if there are groups."""
    groups = load_groups(options)
    if unlabelled(groups):
        return groups, None
    return split(groups, options.left_out, options.seed)


def _before(options: FinetuneOptions, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Measure the initial network; a resumed run reads the figures of its first start."""
    path = options.out / "before.json"
    if options.resume and path.exists():
        return _numbers(path)
    found = measure()
    path.write_text(json.dumps(found) + "\n", "utf-8")
    return found


def _numbers(path: Path) -> dict[str, float]:
    try:
        entries = Entries(parse_json(read_regular(path)))
        return {key: entries.number(key) for key in entries}
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read: {error}. Begin in another folder."
        ) from error


def mean_precision(network: DescriptorNetwork, groups: Groups, side: int) -> float:
    """Return strict mean average precision among photos, each left out of its own ranking.

    Photos without a match are in the database, but are not queries.
    """
    return precision_of(describe(network, groups.images, side), groups.labels)


def precision_of(descriptors: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return strict mean average precision by inner products; see :func:`mean_precision`."""
    similar = descriptors @ descriptors.T
    np.fill_diagonal(similar, -np.inf)
    order = np.argsort(-similar, axis=1, kind="stable")[:, :-1]
    relevant = (labels[order] == labels[:, None]) & (labels[:, None] >= 0)
    asks = relevant.any(1)
    if not asks.any():
        return float("nan")
    return float(average_precision(relevant[asks], relevant[asks].sum(1)).mean())


def _write(
    options: FinetuneOptions,
    network: DescriptorNetwork,
    result: FinetuneResult,
    log: Path,
) -> None:
    provenance: Mapping[str, str] = {
        "made_by": f"semsig {__version__} finetune",
        "backbone": options.backbone,
        "source": options.source,
        "loss": f"{options.loss}, margin {options.margin:g}",
        "gem_power": f"{result.power:.4f}",
        "photos": f"{result.photos} of {result.groups} groups, {result.epochs} epochs",
    }
    export_descriptor(network, result.onnx, short_side=options.side, provenance=provenance)
    _write_card(options, result, log)


def _write_card(options: FinetuneOptions, result: FinetuneResult, log: Path) -> None:
    rows = (
        [json.loads(line) for line in read_regular(log).decode().splitlines()]
        if log.exists()
        else []
    )
    if rows:
        draw_run(rows, options.out / "curves.png")
    text = model_card(options, result, sha256_of(result.onnx), rows)
    (options.out / "MODEL_CARD.md").write_text(text, "utf-8")
