"""The command vocab, and the options of visual phrases that other commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsig.cli.console import answer, answer_json, one_line, progress_bar, remark
from semsig.cli.options import Json, Photos, Workers, expand, make_room

if TYPE_CHECKING:
    from semsig.signatures import SbovpOptions, Vocabulary
    from semsig.types import Image

PANEL = "Phrases"
KEYPOINTS = "Keypoints"

Vocab = Annotated[
    str,
    typer.Option(
        "--vocabulary",
        help="Visual words: kaze, surf, or with their number as in kaze-200; or a file of them.",
        rich_help_panel=PANEL,
    ),
]
Words = Annotated[
    str | None,
    typer.Option(
        "--phrase-words",
        help="Kind of words: semantic (kept apart by class) or visual.",
        rich_help_panel=PANEL,
    ),
]
Length = Annotated[
    int | None,
    typer.Option("--phrase-length", min=2, max=4, help="Words per phrase.", rich_help_panel=PANEL),
]
Space = Annotated[
    str | None,
    typer.Option(
        "--phrase-space",
        help="Space of a keypoint's neighbours: descriptor or picture.",
        rich_help_panel=PANEL,
    ),
]
Regions = Annotated[
    str | None,
    typer.Option(
        "--phrase-regions",
        help="Regions in which keypoints are linked: classes or components.",
        rich_help_panel=PANEL,
    ),
]
Norm = Annotated[
    str | None,
    typer.Option(
        "--phrase-norm", help="Scaling of counts: sqrt, l2 or none.", rich_help_panel=PANEL
    ),
]


def vocab(
    photos: Photos,
    out: Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)],
    words: Annotated[int, typer.Option(min=1, max=65_535, help="Number L of words.")] = 50,
    keypoints: Annotated[
        str, typer.Option(help="Detector: kaze or surf.", rich_help_panel=KEYPOINTS)
    ] = "kaze",
    upright: Annotated[
        bool,
        typer.Option(
            "--upright", help="Ignore the keypoints' directions.", rich_help_panel=KEYPOINTS
        ),
    ] = False,
    octaves: Annotated[
        int, typer.Option(help="How often the scale doubles.", rich_help_panel=KEYPOINTS)
    ] = 4,
    threshold: Annotated[
        float | None, typer.Option(help="Least response of a keypoint.", rich_help_panel=KEYPOINTS)
    ] = None,
    max_points: Annotated[
        int, typer.Option(help="Most keypoints per photo.", rich_help_panel=KEYPOINTS)
    ] = 1000,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps keypoints for other runs.", file_okay=False),
    ] = None,
    workers: Workers = None,
    seed: Annotated[int, typer.Option(help="Seed of sampling and k-means.")] = 0,
    as_json: Json = False,
) -> None:
    """Learn visual words from photos, for phrases: k-means over their keypoints."""
    from semsig.signatures import (
        KeypointCache,
        KeypointOptions,
        detect_all,
        load_detector,
        train_vocabulary,
    )

    make_room(out)
    options = KeypointOptions(
        upright=upright, octaves=octaves, threshold=threshold, max_points=max_points
    )
    detector = load_detector(keypoints, options)  # type: ignore[arg-type]  # checked there
    paths = expand(photos)
    with progress_bar("keypoints") as progress:
        images = _readable(paths, options.max_side, progress)
        kept = KeypointCache(cache) if cache else None
        found = list(detect_all(images, detector, cache=kept, workers=workers))
    training = f"{len(found):,} photos"
    with progress_bar("k-means") as progress:
        learned = train_vocabulary(
            found, detector, words=words, training=training, seed=seed, progress=progress
        )
    learned.save(out)
    total = sum(map(len, found))
    if as_json:
        facts = {"words": words, "photos": len(found), "keypoints": total}
        answer_json(facts | {"vocabulary": str(out), "fingerprint": learned.fingerprint})
    else:
        answer(f"{words:,} words from {total:,} keypoints of {training} in {out}")


def find_vocabulary(name: str) -> Vocabulary:
    """Return a shipped vocabulary, by detector and optional size, or one from a file.

    Raises
    ------
    OptionError, VocabularyError
        If there is none of that size, or no such file.
    """
    from semsig.signatures import Vocabulary, default_vocabulary

    detector, _, size = name.partition("-")
    if detector in ("kaze", "surf") and (not size or size.isdecimal()):
        return default_vocabulary(detector, *([int(size[:9])] if size else []))
    return Vocabulary.open(name)


def encoding(vocabulary: str, **options: object) -> Mapping[str, Callable[[], dict[str, Any]]]:
    """Return, by name, the function that makes each signature's options from a command's."""
    return {
        "sbovp": lambda: {
            "vocabulary": find_vocabulary(vocabulary),
            "options": phrase_options(**options),
        }
    }


def phrase_options(**given: object) -> SbovpOptions:
    """Return the given options, with defaults for the others; OptionError names a wrong one."""
    from semsig.signatures import SbovpOptions

    return SbovpOptions(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _readable(
    paths: Sequence[Path], side: int, progress: Callable[[int, int], None]
) -> Iterator[Image]:
    """Yield the photos that can be read, and report the others."""
    from semsig.errors import ImageError
    from semsig.photo.image_files import read_image

    for done, path in enumerate(paths, 1):
        try:
            yield read_image(path, at_least=side)
        except ImageError as error:
            remark(f"skipped, {error.reason}: {one_line(str(path))}")
        progress(done, len(paths))
