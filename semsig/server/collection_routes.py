"""The routes of whole collections: the map, near-duplicates, adding and removing photos."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from semsig.server.asks import CellFacts, DuplicateGroups, Looking, MapFacts, PhotoFacts
from semsig.server.atlas import MOST_CELLS, MOST_SIDE
from semsig.server.problems import RefusedError
from semsig.server.requests import API, PHOTO_BODY, TheShelf, TheSite, photo_body

router = APIRouter(**API)

_WINDOW = "LEFT,TOP,RIGHT,BOTTOM: the cells to look at; all by default."


@router.get("/map")
def map_(
    shelf: TheShelf,
    columns: Annotated[int, Query(ge=1, le=MOST_SIDE, description="Cells across the map.")] = 16,
    rows: Annotated[int, Query(ge=1, le=MOST_SIDE)] = 9,
    window: Annotated[
        str, Query(pattern=r"^(\d{1,4},\d{1,4},\d{1,4},\d{1,4})?$", description=_WINDOW)
    ] = "",
) -> MapFacts:
    """Return the photo that represents each non-empty cell of the map."""
    left, top, right, bottom = map(int, window.split(",")) if window else (0, 0, columns, rows)
    if max(0, right - left) * max(0, bottom - top) > MOST_CELLS:
        raise RefusedError(
            f"Expected a window of at most {MOST_CELLS:,} cells, got {right - left} x "
            f"{bottom - top}; look at a part.",
            status=422,
        )
    atlas = shelf.atlas
    cells = [
        CellFacts(
            **shelf.facts(cell.id).model_dump(), column=cell.column, row=cell.row, count=cell.count
        )
        for cell in atlas.cells(columns, rows, (left, top, right, bottom))
    ]
    return MapFacts(photos=len(atlas.ids), by=atlas.by, columns=columns, rows=rows, cells=cells)


@router.get("/duplicates", responses={202: {"model": Looking}})
async def duplicates(
    site: TheSite,
    shelf: TheShelf,
    response: Response,
    within: Annotated[float | None, Query(ge=0)] = None,
    by: Annotated[Literal["pooled", "tanimoto", "containment"] | None, Query()] = None,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait.")] = 20,
) -> DuplicateGroups | Looking:
    """Group near-duplicates; no photo is moved or removed.

    If this takes longer than `wait`, the answer is 202 with the progress so far. Ask again for the
    result; the work is given up if nobody does.
    """
    looking = await run_in_threadpool(site.duplicates, shelf, within, by)
    ends = time.monotonic() + wait
    while not looking.task.is_finished:
        if time.monotonic() >= ends:
            response.status_code = 202
            return Looking(done=looking.task.done, of=looking.task.of)
        await asyncio.sleep(0.05)
    return await run_in_threadpool(looking.groups, shelf)


@router.post("/photos", openapi_extra=PHOTO_BODY, status_code=201)
async def add(request: Request, site: TheSite, shelf: TheShelf) -> PhotoFacts:
    """Add the photo in the request's body; refused unless the server is writable."""
    data = await photo_body(request)
    return await run_in_threadpool(site.add, shelf, data)


@router.delete("/photos/{id}", status_code=204, response_class=Response)
def remove(site: TheSite, shelf: TheShelf, id: int) -> Response:  # noqa: A002
    """Remove a photo from the index, not its file; refused unless the server is writable."""
    site.remove(shelf, id)
    return Response(status_code=204)
