"""`semsig explain --signature pooled`: the parts of two photos that match."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from semsig.cli.console import answer, answer_json, remark
from semsig.cli.options import save_picture

if TYPE_CHECKING:
    from semsig.segment.devices import Device


class ExplainChoice(StrEnum):
    """Signatures by which two photos can be explained."""

    SBS = "sbs"
    POOLED = "pooled"


def explain_regions(
    a: Path, b: Path, out: Path | None, segmenter: str, device: Device, *, as_json: bool
) -> None:
    """Say, and perhaps draw, which parts of two photos match."""
    from semsig.engine import Engine

    engine = Engine.create(None, segmenter=segmenter, signatures=["pooled"], device=device)
    matches = engine.explain(a, b, signature="pooled")
    if as_json:
        answer_json({"a": str(a), "b": str(b)} | matches.to_dict())
    else:
        answer(matches.sentence)
    if out is not None:
        from semsig.report import Side, regions_picture

        picture = regions_picture(Side.read(a, engine), Side.read(b, engine), matches)
        save_picture(picture, out)
        remark(f"Wrote {out}")
