"""What routes read from a request: the index that it names, a photo, a search."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import ValidationError

from semsig.server.asks import Ask, Problem
from semsig.server.pictures import SIDES
from semsig.server.problems import RefusedError
from semsig.server.shelf import Shelf
from semsig.server.site import Site

API: dict[str, Any] = {"prefix": "/api/v1", "responses": Problem}
"""Arguments that all routers of the API have in common."""
PHOTO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""OpenAPI's description of a request whose body is a photo."""


def site_of(request: Request) -> Site:
    """Return the served indexes and what they share."""
    site: Site = request.app.state.site
    return site


def shelf_of(
    site: Annotated[Site, Depends(site_of)],
    index: Annotated[str, Query(description="Which index; the first by default.")] = "",
) -> Shelf:
    """Return the index that a request names."""
    return site.shelf(index)


TheSite = Annotated[Site, Depends(site_of)]
TheShelf = Annotated[Shelf, Depends(shelf_of)]
Side = Annotated[int, Query(description=f"Longer side in pixels: one of {SIDES}.")]


async def photo_body(request: Request) -> bytes:
    """Return a request's body; raise RefusedError if it is empty."""
    data = await request.body()
    if not data:
        raise RefusedError("Expected a photo as the request's body, got nothing.", status=422)
    return data


def read_ask(document: dict[str, Any] | str) -> Ask:
    """Validate a search, given as JSON text or as parsed JSON."""
    try:
        if isinstance(document, str):
            return Ask.model_validate_json(document)
        return Ask.model_validate(document)
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'ask'}: {one['msg']}" for one in error.errors()
        )
        raise RefusedError(said, status=422) from error


def known_side(side: int) -> int:
    """Return `side`; raise RefusedError if pictures are not served at it."""
    if side not in SIDES:
        raise RefusedError(f"Expected a side of {SIDES}, got {side}.", status=422)
    return side
