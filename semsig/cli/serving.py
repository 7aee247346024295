"""The commands that serve indexes and find near-duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsig.cli.console import answer, remark
from semsig.cli.options import TrustedSegmenter
from semsig.errors import OptionError


def serve(
    index: Annotated[
        list[Path], typer.Option("--index", envvar="SEMSIG_INDEX", help="Folder of an index.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8765,
    token: Annotated[
        str,
        typer.Option(envvar="SEMSIG_TOKEN", help="What clients must know; 'new' makes one up."),
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
) -> None:
    """Serve a page and an HTTP API that search indexes."""
    from semsig.engine import Engine

    try:
        from semsig.server import ServeOptions
        from semsig.server import serve as run
    except ModuleNotFoundError as error:
        raise OptionError(
            f"Expected the extra 'serve', got no {error.name}; pip install 'semsig[serve]'."
        ) from error

    folder = (added or index[0].with_name(index[0].name + "-added")) if writable else None
    options = ServeOptions(
        host=host,
        port=port,
        token=made_up() if token == "new" else token,
        hosts=tuple(allow_host or ()),
        writable=folder,
        cache=cache,
        anonymous=anonymous,
    )
    engines = [Engine.open(path, segmenter=segmenter) for path in index]

    def ready(address: str) -> None:
        answer(f"Serving {', '.join(map(str, index))} at {address}")
        remark("Stop with Ctrl-C.")
        if open_page:
            import webbrowser

            webbrowser.open(address)

    run(engines, options, ready=ready)


def made_up() -> str:
    """Return a token that nobody guesses."""
    import secrets

    return secrets.token_urlsafe(18)
