"""SBS as a kind of signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from semsig.explain import Explanation, explain
from semsig.query import Conditions, leave_out
from semsig.search import HammingIndex
from semsig.segment import Segmenter
from semsig.signatures.base import Inputs, Needs
from semsig.types import Metric, SbsSchema, SbsSignature


@dataclass(frozen=True)
class SbsEncoder:
    """Label maps to SBS signatures.

    Parameters
    ----------
    schema : SbsSchema
        Levels and classes.
    """

    schema: SbsSchema
    needs = Needs(label_map=True)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The level."""
        return {"levels": self.schema.levels}

    def __call__(self, inputs: Inputs) -> SbsSignature:
        """Return the signature of a photo's label map."""
        from semsig.signatures.sbs.encoding import sbs

        return sbs(inputs.segmented(), self.schema.levels)


class SbsKind:
    """Blocks of classes: which class fills how much of which block."""

    name = "sbs"
    title = "blocks of classes"
    folder = ""
    kept: tuple[str, ...] = ()
    metrics: tuple[str, ...] = get_args(Metric)
    fused_metric = "tanimoto-idf"
    has_levels = True
    rank = 2
    index = HammingIndex
    leave_out: Callable[[SbsSignature, Conditions], SbsSignature] = staticmethod(leave_out)

    def scale(self, schema: SbsSchema) -> float:  # noqa: ARG002
        """Return 1: idf-weighted Tanimoto distances are 0 to 1."""
        return 1.0

    def suits(self, segmenter: Segmenter) -> bool:  # noqa: ARG002
        """Return True: label maps are enough."""
        return True

    def is_default(self, segmenter: Segmenter) -> bool:  # noqa: ARG002
        """Return True: every index has SBS."""
        return True

    def encoder(self, segmenter: Segmenter, *, levels: int = 3) -> SbsEncoder:
        """Return an encoder over 4^`levels` blocks, 0..8."""
        return SbsEncoder(SbsSchema(levels, segmenter.classes))

    def search_options(self, metric: str) -> dict[str, Any]:
        """Return the metric."""
        return {"metric": metric}

    def keep(self, encoder: SbsEncoder, folder: Path) -> None:
        """Do nothing: the schema is all that the encoder needs."""

    def encoder_of(self, schema: SbsSchema, folder: Path) -> SbsEncoder:  # noqa: ARG002
        """Return the encoder of a schema."""
        return SbsEncoder(schema)

    def explain_needs(self, encoder: SbsEncoder) -> Needs:
        """Return what the encoder needs."""
        return encoder.needs

    def explain(
        self, encoder: SbsEncoder, a: Inputs, b: Inputs, names: tuple[str, str]
    ) -> Explanation:
        """Compare two photos cell by cell and in words; see :func:`semsig.explain.explain`."""
        maps = a.segmented(), b.segmented()
        return explain(encoder(a), encoder(b), maps=maps, names=names)


SBS = SbsKind()
"""The kind, as the registry finds it."""
