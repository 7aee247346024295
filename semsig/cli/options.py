"""Options that several commands share."""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsig.cli.completion import complete_segmenter
from semsig.cli.console import download_bar
from semsig.errors import OptionError
from semsig.types.metrics import Metric

if TYPE_CHECKING:
    from PIL import Image as PillowImage

    from semsig.search.options import Reranking


SIGNATURE = re.compile(
    rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP|BM|II\*\0|MM\0\*|GIF8|....ftyp", re.DOTALL
)
"""How files of pictures start."""
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic"})
"""Suffixes by which a word that is no file is taken for a photo that is not there."""
_MARK = b"Software\0semsig"


class SignatureChoice(StrEnum):
    """What photos are compared by."""

    SBS = "sbs"
    SBOVP = "sbovp"
    POOLED = "pooled"
    FUSED = "fused"


def fetched(context: typer.Context, segmenter: str | None) -> str | None:
    """Download the checkpoint that a segmenter needs, with a bar, before it is loaded."""
    if segmenter and segmenter.startswith("mmseg:") and not context.resilient_parsing:
        from semsig.segment import fetch_checkpoint

        with download_bar("downloading") as progress:
            fetch_checkpoint(segmenter, progress=progress)
    return segmenter


def make_room(target: Path | None, *, make_folders: bool = True) -> None:
    """Make the folder that a file goes to, before any work, or see that it is there.

    Raises
    ------
    OSError
        If it cannot be written, or is not there and not to be made.
    OptionError
        If the file is there and is a picture that semsig did not write.
    """
    if target is None:
        return
    if make_folders:
        target.parent.mkdir(parents=True, exist_ok=True)
    elif not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder; make it first", str(target.parent))
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    if is_foreign_picture(target):
        raise OptionError(
            f"{target} is a picture that semsig did not write; it is not overwritten. "
            "Name another file."
        )


def is_foreign_picture(path: Path) -> bool:
    """Tell whether a file holds a picture, none of those of :func:`save_picture`."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(2048)
    return SIGNATURE.match(start) is not None and _MARK not in start


def save_picture(picture: PillowImage.Image, target: Path) -> None:
    """Write a picture as PNG, whole or not at all, marked as semsig's own."""
    from PIL.PngImagePlugin import PngInfo

    from semsig.durable import write_file

    info = PngInfo()
    info.add_text("Software", "semsig")
    content = io.BytesIO()
    picture.save(content, "PNG", pnginfo=info)
    write_file(target, content.getvalue())


def reranking(rerank: bool, expand: bool) -> Reranking | None:
    """Return how hits are ranked anew, as --rerank and --expand ask for."""
    from semsig.search.options import ExpandOptions, RerankOptions

    if rerank and expand:
        raise typer.BadParameter("Give --rerank or --expand, not both.")
    if expand:
        return ExpandOptions()
    return RerankOptions() if rerank else None


def expand(photos: Sequence[Path], exclude: Sequence[str] = ()) -> list[Path]:
    """Return the photos, and those in folders among them."""
    from semsig.photo.image_files import image_paths

    return [
        path
        for photo in photos
        for path in (image_paths(photo, exclude=exclude) if photo.is_dir() else [photo])
    ]


DEFAULT_SEGMENTER = "lite"
"""As :data:`semsig.segment.DEFAULT_SEGMENTER`, which is imported late."""

SEGMENTERS = "lite, hrnet, onnx:FILE, mmseg:CONFIG or files:DIR (see load_segmenter for more)"

IndexFolder = Annotated[
    Path, typer.Option("--index", envvar="SEMSIG_INDEX", help="Folder of the index.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Level = Annotated[int, typer.Option("--levels", min=0, max=8, help="Blocks: 4^N of them.")]
MetricOption = Annotated[
    Metric | None,
    typer.Option("--metric", help="The distance between sbs signatures; hamming by default."),
]
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
    str,
    typer.Option(
        "--segmenter",
        callback=fetched,
        help=f"One of {SEGMENTERS}.",
        autocompletion=complete_segmenter,
    ),
]
TrustedSegmenter = Annotated[
    str | None,
    typer.Option(
        "--segmenter",
        callback=fetched,
        autocompletion=complete_segmenter,
        help="The index's own, if it is no network of the package: such is never loaded unasked.",
    ),
]
SignatureOption = Annotated[
    SignatureChoice,
    typer.Option(
        "--signature",
        help="Blocks of classes, visual phrases, pooled features, or blocks and phrases fused.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 3 if files were skipped.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=1024, help="Photos worked on at a time; one a core."),
]
