"""Options that several commands share."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsig.cli.completion import complete_segmenter
from semsig.cli.console import download_bar
from semsig.errors import OptionError
from semsig.types.metrics import METRICS, POOLED_METRICS

if TYPE_CHECKING:
    from PIL import Image as PillowImage

    from semsig.explain.geometry import GeometryOptions
    from semsig.photo.walk import Survey
    from semsig.search.options import Reranking


PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic"})
"""Suffixes that mark a word as the name of a photo, even if the file does not exist."""
_MARK = b"Software\0semsig"
_MARKS = (_MARK, b'<meta name="generator" content="semsig">')
"""What semsig's pictures and pages begin with."""
_PICTURES = (".png", ".jpg", ".jpeg")
_MARKED = (*_PICTURES, ".html")

FUSED = "fused"
"""As :data:`semsig.search.fusion.FUSED`, which is imported late."""


class Names:
    """The names that an option takes: checked where one is given, offered where one is completed.

    Parameters
    ----------
    known : callable
        Returns the names; called when they are needed, because some take long to import.
    """

    def __init__(self, known: Callable[[], Sequence[str]]) -> None:
        self._known = known

    def check(self, name: str | None) -> str | None:
        """Return the name, or None if none is given; raise a usage error if it is not known."""
        if name is not None and name not in self._known():
            known = ", ".join(self._known())
            raise typer.BadParameter(f"Expected one of {known}; got {name}.")
        return name

    def complete(self, incomplete: str) -> list[str]:
        """Return the names that begin so."""
        return [name for name in self._known() if name.startswith(incomplete)]


def _signature_names() -> tuple[str, ...]:
    from semsig.signatures import signature_names

    return (*signature_names(), FUSED)


DEVICES = ("auto", "cpu", "cuda", "coreml", "openvino", "mps")
"""As :data:`semsig.segment.devices.DEVICES`, which is imported late."""

SIGNATURE_NAMES = Names(_signature_names)
_METRIC_NAMES = Names(lambda: (*METRICS, *POOLED_METRICS))
_DEVICE_NAMES = Names(lambda: DEVICES)
_PRESET_NAMES = Names(lambda: ("default", "paper"))


def fetched(context: typer.Context, segmenter: str | None) -> str | None:
    """Download the checkpoint that a segmenter needs, with a bar, before it is loaded."""
    if segmenter and segmenter.startswith("mmseg:") and not context.resilient_parsing:
        from semsig.segment import fetch_checkpoint

        with download_bar("downloading") as progress:
            fetch_checkpoint(segmenter, progress=progress)
    return segmenter


def make_room(target: Path | None, *, make_folders: bool = True) -> None:
    """Make the folder of an output file before any work, or check that it is there.

    Raises
    ------
    OSError
        If it cannot be written, or is not there and not to be made.
    OptionError
        If a file is there that semsig did not write; see :func:`refuse_foreign`.
    """
    if target is None:
        return
    if make_folders:
        from semsig.durable import make_folder

        make_folder(target.parent)
    elif not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder; make it first", str(target.parent))
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    refuse_foreign(target)


def refuse_foreign(target: Path) -> None:
    """Raise :class:`OptionError` if a file is there that semsig cannot have written.

    That is a picture without semsig's mark, and, where a picture or page is to be written, any
    other file without one.
    """
    if is_foreign(target):
        raise OptionError(
            f"{target} is a file that semsig did not write; it is not overwritten. "
            "Name another file."
        )


def is_foreign(path: Path) -> bool:
    """Tell whether a file is there that holds something else than what semsig writes."""
    from semsig.photo.formats import SIGNATURE

    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(2048)
    marked = path.suffix.lower() in _MARKED and bool(start)
    return (marked or SIGNATURE.match(start) is not None) and not any(m in start for m in _MARKS)


def require_picture(target: Path | None) -> None:
    """Raise a usage error if a picture cannot be written under a name."""
    if target is not None and target.suffix.lower() not in _PICTURES:
        known = ", ".join(_PICTURES)
        raise typer.BadParameter(f"Expected a picture's name ({known}), got {target.name!r}.")


def save_picture(picture: PillowImage.Image, target: Path) -> None:
    """Write a picture completely or not at all, as PNG, or JPEG if so named, with semsig's mark."""
    from PIL.PngImagePlugin import PngInfo

    from semsig.durable import write_file

    info = PngInfo()
    info.add_text("Software", "semsig")
    content = io.BytesIO()
    if target.suffix.lower() in (".jpg", ".jpeg"):
        picture.save(content, "JPEG", quality=90, comment=_MARK)
    else:
        picture.save(content, "PNG", pnginfo=info)
    write_file(target, content.getvalue())


class Anew(StrEnum):
    """Ways of re-ranking."""

    RECIPROCAL = "reciprocal"
    EXPAND = "expand"
    AUGMENT = "augment"
    DIFFUSE = "diffuse"


def reranking(rerank: bool, expand: bool, by: Anew | None = None) -> Reranking | None:
    """Return the re-ranking that --rerank, --expand and --rerank-by ask for."""
    from semsig.search.options import AugmentOptions, DiffuseOptions, ExpandOptions, RerankOptions

    if rerank + expand + (by is not None) > 1:
        raise typer.BadParameter("Give one of --rerank, --expand and --rerank-by, not both.")
    ways = {
        Anew.RECIPROCAL: RerankOptions,
        Anew.EXPAND: ExpandOptions,
        Anew.AUGMENT: AugmentOptions,
        Anew.DIFFUSE: DiffuseOptions,
    }
    by = Anew.RECIPROCAL if rerank else Anew.EXPAND if expand else by
    return ways[by]() if by else None


def geometry_options(first: int | None) -> GeometryOptions | None:
    """Return how geometry is verified, as --geometry asks for."""
    if first is None:
        return None
    from semsig.explain.geometry import GeometryOptions

    return GeometryOptions(first=first)


def expand(
    photos: Sequence[Path], exclude: Sequence[str] = (), *, follow_links: bool = False
) -> list[Path]:
    """Return the photos, and those in folders among them."""
    return surveyed(photos, exclude, follow_links=follow_links)[0]


def surveyed(
    photos: Sequence[Path], exclude: Sequence[str] = (), *, follow_links: bool = False
) -> tuple[list[Path], list[Survey]]:
    """Return the photos, those in folders among them, and what lies in each of the folders."""
    from semsig.photo.walk import survey

    found: list[Path] = []
    surveys = []
    for photo in photos:
        if photo.is_dir():
            surveys.append(survey(photo, exclude=exclude, follow_links=follow_links))
            found += surveys[-1].photos
        else:
            found.append(photo)
    return found, surveys


DEFAULT_SEGMENTER = "lite"
"""As :data:`semsig.segment.DEFAULT_SEGMENTER`, which is imported late."""

NUMBERS = (
    "@ade20k means ADE20K's own numbers (0 = unlabelled), @ade20k-mmseg mmsegmentation's "
    "(0 = wall), @cityscapes-labelids the 34 ids"
)
SEGMENTERS = f"lite, hrnet, onnx:FILE, mmseg:CONFIG or files:DIR[@TABLE] ({NUMBERS})"

IndexFolder = Annotated[
    Path, typer.Option("--index", envvar="SEMSIG_INDEX", help="Folder of the index.")
]
IndexOrUrl = Annotated[
    str,
    typer.Option(
        "--index",
        envvar="SEMSIG_INDEX",
        help="Folder of the index; of shards, also a URL such as s3://...",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Level = Annotated[
    int, typer.Option("--levels", min=0, max=8, help="Level N of signatures: 4^N blocks.")
]
MetricOption = Annotated[
    str | None,
    typer.Option(
        "--metric",
        callback=_METRIC_NAMES.check,
        autocompletion=_METRIC_NAMES.complete,
        help=f"The distance: of sbs {', '.join(METRICS)}; of pooled {', '.join(POOLED_METRICS)}.",
    ),
]
Photo = Annotated[Path, typer.Argument(help="A photo.", exists=True, dir_okay=False)]
Photos = Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", exists=True)]
PhotosOrGone = Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.")]
Rerank = Annotated[
    bool, typer.Option("--rerank", help="Re-rank the nearest by the neighbours they share.")
]
Expand = Annotated[
    bool, typer.Option("--expand", help="Search for the query's nearest as well, and average.")
]
RerankBy = Annotated[
    Anew | None,
    typer.Option(
        "--rerank-by",
        help="Or re-rank by: reciprocal (--rerank), expand (--expand), augment (each photo "
        "averaged with its neighbours) or diffuse (over the graph of neighbours).",
    ),
]
Geometry = Annotated[
    int | None,
    typer.Option(
        "--geometry",
        min=1,
        metavar="N",
        help="Put the first N in order of the keypoints that fit one homography.",
    ),
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
        help="By default the index's own, if that is a packaged network or was trusted.",
    ),
]
DeviceOption = Annotated[
    Any,  # one of DEVICES, which mypy cannot see that the callback has made sure of
    typer.Option(
        "--device",
        envvar="SEMSIG_DEVICE",
        callback=_DEVICE_NAMES.check,
        autocompletion=_DEVICE_NAMES.complete,
        help=f"Where the network runs: {', '.join(DEVICES)}; auto is CUDA or the CPU.",
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="default, or paper: Ouni et al. 2022 to the letter (HRNet, n = 3, Hamming).",
        autocompletion=_PRESET_NAMES.complete,
    ),
]
SignatureOption = Annotated[
    str,
    typer.Option(
        "--signature",
        callback=SIGNATURE_NAMES.check,
        autocompletion=SIGNATURE_NAMES.complete,
        help="sbs (blocks of classes), sbovp (visual phrases), pooled (features), or fused.",
    ),
]
SignatureOrNone = Annotated[
    str | None,
    typer.Option(
        "--signature",
        callback=SIGNATURE_NAMES.check,
        autocompletion=SIGNATURE_NAMES.complete,
        help="What photos are compared by: pooled where the index has it, or sbs.",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        help="Leave out files and folders of this name or path, such as '*.tmp'; patterns in a "
        "file .semsigignore, in the syntax of .gitignore, do so for its folder.",
    ),
]
FollowLinks = Annotated[
    bool, typer.Option("--follow-links", help="Read linked folders as well, each folder once.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 3 if files were skipped.")]


class VerifyChoice(StrEnum):
    """Whether each file's checksum is compared when the file is first used."""

    FIRST_USE = "first-use"
    NEVER = "never"


VerifyOption = Annotated[
    VerifyChoice,
    typer.Option("--verify", help="Whether files of the index are compared with their checksums."),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=1024, help="Photos worked on at a time; one per core."),
]
