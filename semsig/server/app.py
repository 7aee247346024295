"""The application: API, page, and the middleware that guards them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from semsig import __version__
from semsig.engine import Engine
from semsig.parallel import usable_cores
from semsig.server import collection_routes, page, photo_routes, routes
from semsig.server.guard import Guard
from semsig.server.options import ServeOptions
from semsig.server.problems import add_handlers
from semsig.server.site import Site
from semsig.server.telemetry import Counting

_STATIC = Path(__file__).with_name("static")


def create_app(engines: Sequence[Engine], options: ServeOptions | None = None) -> FastAPI:
    """Return the application that serves indexes; any ASGI server can run it.

    Parameters
    ----------
    engines : sequence of Engine
        The indexes, at least one.
    options : ServeOptions, optional
        Options; only :func:`semsig.server.serve` uses host and port.

    Raises
    ------
    OptionError
        If no index is given.
    """
    options = options or ServeOptions()
    site = Site(engines, options)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # more threads would only delay every answer, and each holds a decoded photo in memory
        current_default_thread_limiter().total_tokens = max(4, 2 * (usable_cores()))
        yield
        site.close()

    app = FastAPI(
        title="semsig",
        version=__version__,
        summary="Find photos by what is where in them.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # this page and the next fetch scripts from other sites
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.site = site
    add_handlers(app)
    for part in (routes, photo_routes, collection_routes, page):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_middleware(Guard, options=options)
    app.add_middleware(Counting, telemetry=site.telemetry)
    return app
