"""The pages, rendered from templates; they fetch everything else from the API."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from semsig import __version__
from semsig.report.templates import render
from semsig.server.site import Site

router = APIRouter(include_in_schema=False)

LIMITS = (10, 20, 50, 100, 200, 500)
"""Numbers of results that the page offers to choose from."""


@router.get("/", response_class=HTMLResponse)
def index(request: Request) -> HTMLResponse:
    """Return the search page."""
    return _page(request, "index.html", limits=LIMITS)


@router.get("/map", response_class=HTMLResponse)
def map_(request: Request) -> HTMLResponse:
    """Return the map of a collection."""
    return _page(request, "map.html")


def _page(request: Request, name: str, **values: object) -> HTMLResponse:
    site: Site = request.app.state.site
    text = render(
        name,
        version=__version__,
        indexes=[
            {
                "name": shelf.name,
                "photos": len(shelf.engine),
                "segmenter": shelf.engine.index.meta["segmenter"],
            }
            for shelf in site.shelves
        ],
        writable=site.options.writable is not None,
        **values,
    )
    return HTMLResponse(text, headers={"cache-control": "no-cache"})
