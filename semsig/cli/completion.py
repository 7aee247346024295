"""Shell completion of classes and words, datasets and segmenters."""

from __future__ import annotations

import os
import re

import typer

from semsig.errors import SemsigError


def complete_words(context: typer.Context, incomplete: str) -> list[str]:
    """Offer words for the last part of a search: those of its index, or of the packaged network."""
    from semsig.classes import ClassTable
    from semsig.query import lexicon

    before, last = re.fullmatch(r"(.*[\s,!]|)(.*)", incomplete, re.DOTALL).groups()  # type: ignore[union-attr]  # all matches
    folder = context.params.get("index") or os.environ.get("SEMSIG_INDEX")
    try:
        if folder:
            from semsig.search import HammingIndex

            classes = HammingIndex.open(folder).schema.classes
        else:
            classes = ClassTable.builtin("semsig54")
        words = lexicon().words(classes)
    except SemsigError:
        return []
    return [before + word for word in words if word.startswith(last.casefold())]


def complete_dataset(incomplete: str) -> list[str]:
    """Offer the datasets that semsig describes; the shell itself completes paths."""
    from semsig.datasets import dataset_names

    return [name for name in dataset_names() if name.startswith(incomplete)]


def complete_segmenter(incomplete: str) -> list[str]:
    """Offer the packaged segmenters, and the prefixes of the others."""
    from semsig.segment import segmenter_names

    return [name for name in segmenter_names() if name.startswith(incomplete)]
