"""The model card: how a network was made, its figures, and where it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsig.classes import ClassTable
from semsig.distill.measure import Agreement
from semsig.distill.options import DistillOptions, Stage
from semsig.distill.result import DistillResult
from semsig.durable import read_regular
from semsig.segment.card import NetworkCard

_PLACES = {"photos", "out", "init", "resume", "notes", "categories"}
_MENTORED = {"mentor", "soft_share", "hint_weight"}
WEAK = 0.15
MISTAKES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Content of the card.

    Parameters
    ----------
    options : DistillOptions
    result : DistillResult
    network : NetworkCard
        The card of the exported file.
    parameters : int
        Number of weights in the network.
    photos, held : int
        Number of photos, and number of those held out of training.
    catalogue : mapping
        The rows of the categories file for these photos, by file stem; may be empty.
    log : sequence of dict
        Lines of the run's log.
    """

    options: DistillOptions
    result: DistillResult
    network: NetworkCard
    parameters: int
    photos: int
    held: int
    catalogue: Mapping[str, Mapping[str, str]]
    log: Sequence[Mapping[str, float]]


def model_card(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    parts = [_summary(facts), _data(facts), _recipe(facts.options), _figures(facts), _limits(facts)]
    if facts.options.notes:
        parts.append(read_regular(facts.options.notes).decode(errors="replace").strip())
    return "\n\n".join(parts) + "\n"


def _summary(facts: CardFacts) -> str:
    network, result = facts.network, facts.result
    classes, arch = network.classes, facts.options.arch
    return f"""# Model card: {arch} on {classes.name}

mmsegmentation's `fcn_{arch}` with plain batch normalisation: {facts.parameters:,} weights,
{len(classes)} classes, distilled by `semsig distill`. Photos are resized to a short side of
{network.short_side} pixels; label maps have a quarter of that size.

| file | opset | SHA-256 | pixels on which it agrees with torch |
|---|---|---|---|
| `{result.onnx.name}` | {network.opset} | `{network.sha256}` | {result.export_agreement:.4%} |"""


def _data(facts: CardFacts) -> str:
    text = f"""## Data and teacher

{facts.photos:,} photos, {facts.held:,} of them held out ({_stratified(facts)});
labels by the teacher `{_public(facts.options.teacher)}`."""
    if facts.options.starts_exported:
        text += f" Training started from the exported network `{facts.options.init[0].name}`."
    sources = Counter(
        (row.get("source", "not stated"), row.get("licence", "not stated"))
        for row in facts.catalogue.values()
    )
    if not sources:
        return text
    lines = [f"| {source} | {licence} | {n:,} |" for (source, licence), n in sources.most_common()]
    return "\n".join(
        [text, "", "| source | licence stated there | photos |", "|---|---|---|", *lines]
    )


def _recipe(options: DistillOptions) -> str:
    left_out = _PLACES | {"teacher"} | (set() if options.mentor else _MENTORED)
    rows = [
        f"| {field.name} | {_shown(getattr(options, field.name))} |"
        for field in fields(options)
        if field.name not in left_out
    ]
    return "\n".join(["## Recipe", "", "| option | value |", "|---|---|", *rows])


def _figures(facts: CardFacts) -> str:
    result, held = facts.result, facts.result.held_out
    curve = [
        f"| {row['views']:,.0f} | {row['agreement']:.4f} | {row['miou']:.4f} |"
        for row in facts.log
        if "agreement" in row
    ]
    lines = [
        "## Figures",
        "",
        f"{result.views:,} photo-views in all, {result.minutes:.0f} minutes in this run.",
        "The exported network on the whole held-out photos, against the teacher's labels:",
        "",
        "| pixel agreement | mean IoU over classes present | classes present |",
        "|---|---|---|",
        f"| {held.pixels:.4f} | {held.miou:.4f} | {int(held.present.sum())} |",
        "",
        f"While training (centred squares of {facts.options.side} pixels):",
        "",
        "| photo-views | agreement | mean IoU |",
        "|---|---|---|",
        *curve,
        "",
        *per_class(held, facts.network.classes),
    ]
    return "\n".join(lines)


def per_class(held: Agreement, classes: ClassTable) -> list[str]:
    """Return a Markdown table of the classes present, best first, as lines."""
    recall = np.diag(held.confusion) / np.maximum(held.confusion.sum(1), 1)
    share = held.confusion.sum(1) / max(held.confusion.sum(), 1)
    order = [int(label) for label in np.argsort(-held.iou) if held.present[label]]
    lines = ["| class | IoU | pixels found | share of pixels |", "|---|---|---|---|"]
    for c in order:
        name, iou = classes.names[c], held.iou[c]
        lines.append(f"| {name} | {iou:.3f} | {recall[c]:.3f} | {share[c]:.2%} |")
    return lines


def _limits(facts: CardFacts) -> str:
    held, names = facts.result.held_out, np.array(facts.network.classes.names)
    weak, absent = names[held.present & (held.iou < WEAK)], names[~held.present]
    lines = [
        "## Limits",
        "",
        "The labels are a teacher's, not people's: agreement with them is not accuracy.",
    ]
    if len(weak):
        lines.append(f"IoU below {WEAK}: {', '.join(weak)}.")
    if len(absent):
        lines.append(f"Not among the held-out photos, so unmeasured: {', '.join(absent)}.")
    return "\n".join([*lines, "", *mistakes(held, names)])


def mistakes(held: Agreement, names: NDArray[np.str_]) -> list[str]:
    """Return a Markdown table of the pairs of classes with the most confused pixels, as lines."""
    wrong = held.confusion * ~np.eye(len(names), dtype=bool)
    frequent = np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]
    lines = ["| teacher's class | network's class | share of that class |", "|---|---|---|"]
    for teacher, found in zip(*np.unravel_index(frequent, wrong.shape), strict=True):
        if pixels := wrong[teacher, found]:
            share = pixels / held.confusion[teacher].sum()
            lines.append(f"| {names[teacher]} | {names[found]} | {share:.1%} |")
    return lines


def _stratified(facts: CardFacts) -> str:
    step = round(1 / facts.options.holdout)
    by = "category" if facts.options.categories else "most frequent class"
    return f"the first and every {step}th after it of each {by}, by file name"


def _public(teacher: str) -> str:
    """Keep the kind and the last part of the path: a card does not reveal its author's folders."""
    kind, _, rest = teacher.partition(":")
    return f"{kind}:{rest.rstrip('/').rpartition('/')[2]}" if rest else kind


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{s.side}:{s.share:g}" for s in value if isinstance(s, Stage))
    if isinstance(value, Path):
        return f"`{value.name}`"
    return "default" if value is None else str(value)
