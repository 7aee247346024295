"""Options that several commands share."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsig.cli.console import download_bar

if TYPE_CHECKING:
    from semsig.config import Reranking


class MetricName(StrEnum):
    """The distances between signatures."""

    HAMMING = "hamming"
    TANIMOTO = "tanimoto"
    TANIMOTO_IDF = "tanimoto-idf"


class SignatureChoice(StrEnum):
    """What photos are compared by."""

    SBS = "sbs"
    SBOVP = "sbovp"
    FUSED = "fused"


def fetched(context: typer.Context, segmenter: str | None) -> str | None:
    """Download the checkpoint that a segmenter needs, with a bar, before it is loaded."""
    if segmenter and segmenter.startswith("mmseg:") and not context.resilient_parsing:
        from semsig.segment import fetch_checkpoint

        with download_bar("downloading") as progress:
            fetch_checkpoint(segmenter, progress=progress)
    return segmenter


def make_room(target: Path | None) -> None:
    """Make the folder that a file goes to; OSError, before any work, if it cannot be written."""
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(target.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))


def reranking(rerank: bool, expand: bool) -> Reranking | None:
    """Return how hits are ranked anew, as --rerank and --expand ask for."""
    from semsig.config import ExpandOptions, RerankOptions

    if rerank and expand:
        raise typer.BadParameter("Give --rerank or --expand, not both.")
    if expand:
        return ExpandOptions()
    return RerankOptions() if rerank else None


def expand(photos: Sequence[Path]) -> list[Path]:
    """Return the photos, and those in folders among them."""
    from semsig.image import image_paths

    return [
        path for photo in photos for path in (image_paths(photo) if photo.is_dir() else [photo])
    ]


SEGMENTERS = "embedded, lite, onnx:FILE, mmseg:CONFIG or files:DIR (see load_segmenter for more)"

IndexFolder = Annotated[
    Path, typer.Option("--index", envvar="SEMSIG_INDEX", help="Folder of the index.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Level = Annotated[int, typer.Option("--levels", min=0, max=8, help="Blocks: 4^N of them.")]
MetricOption = Annotated[MetricName, typer.Option("--metric", help="The distance.")]
Photo = Annotated[Path, typer.Argument(help="A photo.", exists=True, dir_okay=False)]
Photos = Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", exists=True)]
PhotosOrGone = Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")]
Rerank = Annotated[
    bool, typer.Option("--rerank", help="Rank the nearest anew by the neighbours they share.")
]
Expand = Annotated[
    bool, typer.Option("--expand", help="Search for the query's nearest as well, and average.")
]
SegmenterName = Annotated[
    str, typer.Option("--segmenter", callback=fetched, help=f"One of {SEGMENTERS}.")
]
SignatureOption = Annotated[
    SignatureChoice,
    typer.Option("--signature", help="Blocks of classes, visual phrases, or both fused."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 3 if files were skipped.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=1024, help="Photos worked on at a time; one a core."),
]
