"""The command pca."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsig.cli.console import answer, answer_json, one_line, progress_bar, remark
from semsig.cli.options import (
    DEFAULT_SEGMENTER,
    Json,
    Photos,
    SegmenterName,
    Workers,
    expand,
    make_room,
)

if TYPE_CHECKING:
    from semsig.signatures import PooledOptions
    from semsig.types import Image

PANEL = "Pooled descriptors"

Pool = Annotated[
    str | None,
    typer.Option(
        "--pool", help="Pooling of features: spoc, mac, gem, rmac or crow.", rich_help_panel=PANEL
    ),
]
Power = Annotated[
    float | None,
    typer.Option("--pool-power", help="Exponent of each value, in (0, 1].", rich_help_panel=PANEL),
]
Exponent = Annotated[
    float | None,
    typer.Option("--gem-exponent", help="Exponent p of gem, 1 to 64.", rich_help_panel=PANEL),
]
ProjectionFile = Annotated[
    str | None,
    typer.Option(
        "--projection",
        help="A file of `semsig pca`, or none; by default the shipped one.",
        rich_help_panel=PANEL,
    ),
]
Dims = Annotated[
    int | None, typer.Option("--dims", min=1, help="Dimensions kept.", rich_help_panel=PANEL)
]
Coded = Annotated[
    str | None,
    typer.Option("--coding", help="Storage of values: int8 or float16.", rich_help_panel=PANEL),
]


def pooled_options(*, projection: str | None, **given: object) -> PooledOptions:
    """Return the given options, with defaults for the others; SemsigError names a wrong one.

    A projection sets how features are pooled where that is not given.
    """
    from semsig.signatures import PooledOptions, Projection

    options: dict[str, object] = {k: value for k, value in given.items() if value is not None}
    if projection == "none":
        options["projection"] = None
    elif projection is not None:
        opened = Projection.open(projection)
        options = asdict(opened.pooling) | options | {"projection": opened}
    return PooledOptions(**options)  # type: ignore[arg-type]  # checked there


def pca(
    photos: Photos,
    out: Annotated[Path, typer.Option(help="The file to write.", dir_okay=False)],
    dims: Annotated[int, typer.Option(min=1, max=4096, help="Axes to keep.")] = 128,
    whiten: Annotated[
        bool, typer.Option("--whiten", help="Divide axes by their standard deviation.")
    ] = False,
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="Learn whitening: photos in one folder match each other."),
    ] = False,
    pool: Pool = None,
    pool_power: Power = None,
    gem_exponent: Exponent = None,
    segmenter: SegmenterName = DEFAULT_SEGMENTER,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Fit the axes that pooled descriptors are projected to, for `index --projection FILE`."""
    from semsig.segment import load_segmenter
    from semsig.signatures import fit_projection, folder_groups

    if pairs and whiten:
        raise typer.BadParameter("Give --whiten or --pairs, whose axes are whitened anyway.")
    make_room(out)
    pooling = pooled_options(projection="none", pool=pool, power=pool_power, p=gem_exponent).pooling
    network = load_segmenter(segmenter, threads=1)
    paths = expand(photos)
    folders = dict(zip(paths, folder_groups(paths), strict=True))
    groups: list[int] = []  # of those that can be read, filled while reading
    with progress_bar("describing") as progress:
        fitted = fit_projection(
            _readable(folders, getattr(network, "short_side", None), groups),
            network,
            pooling=pooling,
            dims=dims,
            groups=groups if pairs else None,
            whiten=float(whiten),
            workers=workers,
            progress=lambda done: progress(done, len(paths)),
        )
    fitted.save(out)
    if as_json:
        facts = {"projection": str(out), "fingerprint": fitted.fingerprint}
        answer_json(facts | {"dims": dims, "photos": len(groups), "training": fitted.training})
    else:
        answer(f"{dims:,} axes, {fitted.training}, in {out}")


def _readable(folders: Mapping[Path, int], side: int | None, groups: list[int]) -> Iterator[Image]:
    """Yield the photos that can be read, and note their folders; report the others."""
    from semsig.errors import ImageError
    from semsig.photo.image_files import read_image

    for path, folder in folders.items():
        try:
            image = read_image(path, at_least=side)
        except ImageError as error:
            remark(f"skipped, {error.reason}: {one_line(str(path))}")
        else:
            groups.append(folder)
            yield image
