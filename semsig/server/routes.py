"""The routes of the API."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from pydantic import ValidationError

from semsig import __version__
from semsig.report.draw import fit
from semsig.server.asks import (
    Answer,
    Ask,
    CellFacts,
    ClassFacts,
    Described,
    DuplicateGroups,
    Health,
    IndexFacts,
    Looking,
    MapFacts,
    Painted,
    PhotoFacts,
    Problem,
    QueryPhoto,
    Reason,
    UploadFacts,
)
from semsig.server.atlas import MOST_CELLS, MOST_SIDE
from semsig.server.exporting import FILE_NAMES, MEDIA_TYPES, MOST_EXPORTED, Kind, exported
from semsig.server.pictures import SIDES, jpeg, numbers, tint
from semsig.server.problems import RefusedError
from semsig.server.reasons import described, reason
from semsig.server.shelf import Shelf
from semsig.server.site import Site

router = APIRouter(prefix="/api/v1", responses=Problem)

_FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
_WINDOW = "LEFT,TOP,RIGHT,BOTTOM: the cells to look at; all by default."
_PHOTO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def site_of(request: Request) -> Site:
    """Return what is served."""
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


@router.get("/health")
def health(site: TheSite) -> Health:
    """Say that the server is well, and what it serves."""
    return Health(
        status="ok",
        version=__version__,
        indexes=[
            IndexFacts(
                name=shelf.name,
                photos=len(shelf.engine),
                segmenter=shelf.engine.index.meta["segmenter"],
                signatures=shelf.signatures,
                metrics=shelf.metrics,
                rerankings=shelf.rerankings,
                writable=site.options.writable is not None,
            )
            for shelf in site.shelves
        ],
    )


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(site: TheSite) -> PlainTextResponse:
    """Return counts and latencies as Prometheus reads them."""
    gauges: dict[str, float] = {
        "semsig_thumbnail_bytes": site.pictures.n_bytes,
        "semsig_upload_bytes": site.uploads.n_bytes,
    }
    for number, shelf in enumerate(site.shelves):
        gauges[f'semsig_photos{{index="{number}"}}'] = len(shelf.engine)
    return PlainTextResponse(site.telemetry.text(gauges), media_type="text/plain; version=0.0.4")


@router.get("/classes")
def classes(shelf: TheShelf) -> list[ClassFacts]:
    """List the classes, and how many photos show each."""
    return shelf.shares.facts()


@router.post("/search", openapi_extra=None)
def search(site: TheSite, shelf: TheShelf, ask: Annotated[Ask, Body()]) -> Answer:
    """Search by photos, a layout, words, or all of these."""
    return site.searcher(shelf).answer(ask)


@router.get("/search")
def search_simply(
    site: TheSite,
    shelf: TheShelf,
    id: Annotated[int | None, Query(ge=0)] = None,  # noqa: A002
    upload: str | None = None,
    words: Annotated[str, Query(max_length=1000)] = "",
    crop: Annotated[str | None, Query(description="LEFT,TOP,RIGHT,BOTTOM, fractions.")] = None,
    k: Annotated[int, Query(ge=1, le=500)] = 20,
    signature: str | None = None,
    metric: str | None = None,
) -> Answer:
    """Search by one photo, or by words: for the command line."""
    photos = (
        []
        if id is None and upload is None
        else [{"id": id, "upload": upload, "crop": crop.split(",") if crop else None}]
    )
    asked = {"photos": photos, "words": words, "k": k, "signature": signature, "metric": metric}
    return site.searcher(shelf).answer(_ask(asked))


@router.post("/search/photo", openapi_extra=_PHOTO_BODY)
async def search_by_photo(
    request: Request,
    site: TheSite,
    shelf: TheShelf,
    words: Annotated[str, Query(max_length=1000)] = "",
    k: Annotated[int, Query(ge=1, le=500)] = 20,
    signature: str | None = None,
    metric: str | None = None,
    mirrored: bool = False,
) -> Answer:
    """Search by the photo that the request's body holds."""
    data = await _body(request)

    def answer() -> Answer:
        asked = {
            "photos": [{"upload": site.uploads.add(data)}],
            "words": words,
            "k": k,
            "signature": signature,
            "metric": metric,
            "mirrored": mirrored,
        }
        return site.searcher(shelf).answer(_ask(asked))

    return await run_in_threadpool(answer)


@router.get("/export/{kind}", response_class=StreamingResponse)
def export(
    site: TheSite,
    shelf: TheShelf,
    kind: Kind,
    ask: Annotated[str, Query(description="A search, as POST /search takes it.")] = "{}",
    k: Annotated[int, Query(ge=1, le=MOST_EXPORTED, description="Most hits.")] = 500,
) -> StreamingResponse:
    """Return a search's hits as a file; if it stacks copies, the nearest of each stack alone."""
    wanted = _ask(ask).model_copy(update={"k": k})
    hits = [hit for hit in site.searcher(shelf).answer(wanted).hits if hit.copy_of is None]
    return StreamingResponse(
        exported(shelf, hits, kind),
        media_type=MEDIA_TYPES[kind],
        headers={"content-disposition": f'attachment; filename="{FILE_NAMES[kind]}"'},
    )


@router.post("/uploads", openapi_extra=_PHOTO_BODY, status_code=201)
async def upload(request: Request, site: TheSite) -> UploadFacts:
    """Keep the photo that the request's body holds for some searches."""
    data = await _body(request)
    name = await run_in_threadpool(site.uploads.add, data)
    height, width = site.uploads.get(name).shape[:2]
    return UploadFacts(upload=name, width=width, height=height)


@router.get("/uploads/{upload}/picture", response_class=Response)
def uploaded(site: TheSite, upload: str, side: Side = 640) -> Response:
    """Return an uploaded photo as JPEG."""
    image = site.uploads.get(upload)
    return Response(jpeg(fit(image, _side(side))), media_type="image/jpeg", headers=_FOREVER)


@router.get("/uploads/{upload}/overlay", response_class=Response)
def uploaded_overlay(shelf: TheShelf, upload: str, side: Side = 640) -> Response:
    """Return an uploaded photo's classes as colours, to be laid over it."""
    return Response(_tinted(shelf, QueryPhoto(upload=upload), side), media_type="image/png")


@router.get("/uploads/{upload}/description")
def uploaded_description(shelf: TheShelf, upload: str) -> Described:
    """Say what an uploaded photo shows."""
    return described(shelf, QueryPhoto(upload=upload))


@router.get("/photos/{id}")
def photo(shelf: TheShelf, id: int) -> PhotoFacts:  # noqa: A002
    """Return name and size of a photo."""
    return shelf.facts(id)


@router.get("/photos/{id}/description")
def photo_description(shelf: TheShelf, id: int) -> Described:  # noqa: A002
    """Say what a photo shows."""
    return described(shelf, QueryPhoto(id=id))


@router.get("/photos/{id}/picture", response_class=Response)
def picture(site: TheSite, shelf: TheShelf, id: int, side: Side = 640) -> Response:  # noqa: A002
    """Return a photo as JPEG, upright, no larger than its file."""
    key = f"picture {_side(side)} {shelf.record(id).digest}"
    data = site.pictures.get(key, lambda: _scaled(shelf, id, side))
    return Response(data, media_type="image/jpeg", headers=_FOREVER)


@router.get("/photos/{id}/overlay", response_class=Response)
def overlay(site: TheSite, shelf: TheShelf, id: int, side: Side = 640) -> Response:  # noqa: A002
    """Return a photo's classes as colours, to be laid over it."""
    fingerprint = shelf.engine.index.meta["segmenter_fingerprint"]
    key = f"overlay {_side(side)} {fingerprint} {shelf.record(id).digest}"
    data = site.pictures.get(key, lambda: _tinted(shelf, QueryPhoto(id=id), side))
    return Response(data, media_type="image/png", headers=_FOREVER)


@router.get("/photos/{id}/labels", response_class=Response)
def labels(shelf: TheShelf, id: int) -> Response:  # noqa: A002
    """Return a photo's label map: a PNG whose pixels are class numbers."""
    return Response(numbers(shelf.label_map(QueryPhoto(id=id))), media_type="image/png")


@router.get("/explain")
def explain(
    shelf: TheShelf,
    b: Annotated[int, Query(ge=0, description="An indexed photo.")],
    a: Annotated[int | None, Query(ge=0, description="Another.")] = None,
    upload: Annotated[str | None, Query(description="Or an uploaded photo.")] = None,
    crop: Annotated[str | None, Query(description="LEFT,TOP,RIGHT,BOTTOM of the first.")] = None,
    rotate: int = 0,
    regions: bool = False,
) -> Reason:
    """Say why photo `b` is like photo `a`, or like an uploaded one."""
    asked = {"id": a, "upload": upload, "rotate": rotate, "crop": crop.split(",") if crop else None}
    first = _ask({"photos": [asked]}).photos[0]
    return reason(shelf, first, QueryPhoto(id=b), regions=regions)


@router.post("/explain/layout")
def explain_layout(shelf: TheShelf, b: int, layout: Painted) -> Reason:
    """Say why a photo is like a painted layout."""
    return reason(shelf, shelf.layout(layout), QueryPhoto(id=b), regions=False)


@router.get("/map")
def map_(
    shelf: TheShelf,
    columns: Annotated[int, Query(ge=1, le=MOST_SIDE, description="Cells across the map.")] = 16,
    rows: Annotated[int, Query(ge=1, le=MOST_SIDE)] = 9,
    window: Annotated[
        str, Query(pattern=r"^(\d{1,4},\d{1,4},\d{1,4},\d{1,4})?$", description=_WINDOW)
    ] = "",
) -> MapFacts:
    """Return which photo stands for each cell of the map that holds some."""
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
    """Group near-duplicates; nothing is moved or removed.

    What takes longer is answered by 202 and how far it is, and given up if nobody asks again.
    """
    looking = await run_in_threadpool(site.duplicates, shelf, within, by)
    ends = time.monotonic() + wait
    while not looking.task.is_finished:
        if time.monotonic() >= ends:
            response.status_code = 202
            return Looking(done=looking.task.done, of=looking.task.of)
        await asyncio.sleep(0.05)
    return await run_in_threadpool(looking.groups, shelf)


@router.post("/photos", openapi_extra=_PHOTO_BODY, status_code=201)
async def add(request: Request, site: TheSite, shelf: TheShelf) -> PhotoFacts:
    """Add the photo that the request's body holds; refused unless the server is writable."""
    data = await _body(request)
    return await run_in_threadpool(site.add, shelf, data)


@router.delete("/photos/{id}", status_code=204, response_class=Response)
def remove(site: TheSite, shelf: TheShelf, id: int) -> Response:  # noqa: A002
    """Take a photo out of the index; its file stays. RefusedError unless the server is writable."""
    site.remove(shelf, id)
    return Response(status_code=204)


async def _body(request: Request) -> bytes:
    data = await request.body()
    if not data:
        raise RefusedError("Expected a photo as the request's body, got nothing.", status=422)
    return data


def _ask(document: dict[str, Any] | str) -> Ask:
    """Check a search, given as JSON or as what JSON holds."""
    try:
        if isinstance(document, str):
            return Ask.model_validate_json(document)
        return Ask.model_validate(document)
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'ask'}: {one['msg']}" for one in error.errors()
        )
        raise RefusedError(said, status=422) from error


def _side(side: int) -> int:
    if side not in SIDES:
        raise RefusedError(f"Expected a side of {SIDES}, got {side}.", status=422)
    return side


def _scaled(shelf: Shelf, id_: int, side: int) -> bytes:
    image = shelf.pixels(QueryPhoto(id=id_), side)
    return jpeg(fit(image, min(side, max(image.shape[:2]))))


def _tinted(shelf: Shelf, photo: QueryPhoto, side: int) -> bytes:
    label_map = shelf.label_map(photo)
    height, width = label_map.shape
    scale = min(_side(side), 640) / max(height, width)
    return tint(label_map, max(1, round(height * scale)), max(1, round(width * scale)))
