"""The commands that serve indexes and find near-duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from semsig.cli.console import answer, answer_json, one_line, progress_bar, remark, size
from semsig.cli.options import DeviceOption, IndexFolder, Json, TrustedSegmenter
from semsig.errors import OptionError

if TYPE_CHECKING:
    from semsig.segment.devices import Device


def serve(
    index: Annotated[
        list[Path], typer.Option("--index", envvar="SEMSIG_INDEX", help="Folder of an index.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen at; 0 takes a free one.")
    ] = 8765,
    token: Annotated[
        str,
        typer.Option(
            envvar="SEMSIG_TOKEN", help="Secret that clients must send; 'new' generates one."
        ),
    ] = "",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name by which browsers call the server.")
    ] = None,
    writable: Annotated[
        bool, typer.Option("--writable", help="Let clients add and remove photos.")
    ] = False,
    added: Annotated[
        Path | None, typer.Option(help="Folder for added photos; INDEX-added by default.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for thumbnails.")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Log no requests, so no photos' names.")
    ] = False,
    segmenter: TrustedSegmenter = None,
    device: DeviceOption = "auto",
) -> None:
    """Serve a page and an HTTP API that search indexes."""
    serve_indexes(
        index,
        segmenter=segmenter,
        device=device,
        open_page=open_page,
        host=host,
        port=port,
        token=made_up() if token == "new" else token,
        hosts=tuple(allow_host or ()),
        writable=(added or index[0].with_name(index[0].name + "-added")) if writable else None,
        cache=cache,
        anonymous=anonymous,
    )


def serve_indexes(
    folders: list[Path],
    *,
    segmenter: str | None = None,
    device: Device = "auto",
    open_page: bool = True,
    **options: Any,
) -> None:
    """Serve the indexes in some folders, as ServeOptions `options` say, until Ctrl-C."""
    from semsig.engine import Engine

    try:
        from semsig.server import ServeOptions
        from semsig.server import serve as run
    except ModuleNotFoundError as error:
        raise OptionError(
            f"Expected the extra 'serve', got no {error.name}; pip install 'semsig[serve]'."
        ) from error
    engines = [Engine.open(folder, segmenter=segmenter, device=device) for folder in folders]

    def ready(address: str) -> None:
        answer(f"Serving {', '.join(map(str, folders))} at {address}")
        remark("Stop with Ctrl-C.")
        if open_page:
            import webbrowser

            webbrowser.open(address)

    run(engines, ServeOptions(**options), ready=ready)


def made_up() -> str:
    """Return a token that nobody guesses."""
    import secrets

    return secrets.token_urlsafe(18)


def duplicates(
    index: IndexFolder,
    within: Annotated[
        float | None, typer.Option(min=0, help="Largest distance between two copies.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="The distance: pooled (where the index has it), tanimoto, containment."),
    ] = None,
    lookalikes: Annotated[
        bool,
        typer.Option(
            "--lookalikes", help="Group all within the distance, without comparing pixels."
        ),
    ] = False,
    spare: Annotated[
        bool, typer.Option("--spare", help="List the paths that have a better copy, nothing else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find near-duplicates, and name the best of each group; nothing is moved or removed."""
    from dataclasses import asdict

    from semsig.engine import Engine
    from semsig.engine.duplicates import ALIKE, By, find_duplicates

    known: dict[str, By] = {name: name for name in get_args(By)}
    if by is not None and by not in known:
        raise typer.BadParameter(f"Expected --by of {', '.join(known)}; got {by}.")
    with progress_bar("comparing") as progress:
        groups = find_duplicates(
            Engine.open(index),
            within=within,
            by=known[by] if by else None,
            alike=-1 if lookalikes else ALIKE,
            progress=progress,
        )
    if as_json:
        document: Any = [[asdict(copy) for copy in group] for group in groups]
        answer_json({"groups": document})
        return
    for group in groups:
        for copy in group:
            if spare and not copy.best:
                answer(one_line(copy.path))
            elif not spare:
                facts = f"{copy.width} x {copy.height}, {size(copy.bytes)}, {copy.taken[:10]}"
                mark = "*" if copy.best else " "
                answer(f"{mark} {one_line(copy.path)}  {facts}, sharpness {copy.sharpness:,.0f}")
        if not spare:
            answer("")
    others = sum(len(group) - 1 for group in groups)
    remark(f"{len(groups):,} groups; {others:,} photos have a better copy (* = best).")
