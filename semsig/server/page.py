"""The page, made from a template; all else on it is fetched from the API."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from semsig import __version__
from semsig.server.site import Site

router = APIRouter(include_in_schema=False)

LIMITS = (10, 20, 50, 100, 200, 500)
"""Numbers of results that the page offers."""


@cache
def _templates() -> Environment:
    folder = Path(__file__).with_name("templates")
    return Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)


@router.get("/", response_class=HTMLResponse)
def index(request: Request) -> HTMLResponse:
    """Return the page."""
    site: Site = request.app.state.site
    text = (
        _templates()
        .get_template("index.html")
        .render(
            version=__version__,
            indexes=[
                {
                    "name": shelf.name,
                    "photos": len(shelf.engine),
                    "segmenter": shelf.engine.index.meta["segmenter"],
                }
                for shelf in site.shelves
            ],
            limits=LIMITS,
            writable=site.options.writable is not None,
        )
    )
    return HTMLResponse(text, headers={"cache-control": "no-cache"})
