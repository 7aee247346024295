"""The routes of the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, StreamingResponse

from semsig import __version__
from semsig.server.asks import Answer, Ask, ClassFacts, Health, IndexFacts, UploadFacts
from semsig.server.exporting import FILE_NAMES, MEDIA_TYPES, MOST_EXPORTED, Kind, Sending, exported
from semsig.server.requests import API, PHOTO_BODY, TheShelf, TheSite, photo_body, read_ask

router = APIRouter(**API)


@router.get("/health")
def health(site: TheSite) -> Health:
    """Report that the server is running, and what it serves."""
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
    """Return counts and latencies in the format of Prometheus."""
    gauges: dict[str, float] = {
        "semsig_thumbnail_bytes": site.pictures.n_bytes,
        "semsig_upload_bytes": site.uploads.n_bytes,
    }
    for number, shelf in enumerate(site.shelves):
        gauges[f'semsig_photos{{index="{number}"}}'] = len(shelf.engine)
    return PlainTextResponse(site.telemetry.text(gauges), media_type="text/plain; version=0.0.4")


@router.get("/classes")
def classes(shelf: TheShelf) -> list[ClassFacts]:
    """List the classes, with the number of photos that show each."""
    return shelf.shares.facts()


@router.post("/search", openapi_extra=None)
def search(site: TheSite, shelf: TheShelf, ask: Annotated[Ask, Body()]) -> Answer:
    """Search by photos, a layout, words, or a combination of these."""
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
    """Search by one photo, or by words; for use from the command line."""
    photos = (
        []
        if id is None and upload is None
        else [{"id": id, "upload": upload, "crop": crop.split(",") if crop else None}]
    )
    asked = {"photos": photos, "words": words, "k": k, "signature": signature, "metric": metric}
    return site.searcher(shelf).answer(read_ask(asked))


@router.post("/search/photo", openapi_extra=PHOTO_BODY)
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
    """Search by the photo in the request's body."""
    data = await photo_body(request)

    def answer() -> Answer:
        asked = {
            "photos": [{"upload": site.uploads.add(data)}],
            "words": words,
            "k": k,
            "signature": signature,
            "metric": metric,
            "mirrored": mirrored,
        }
        return site.searcher(shelf).answer(read_ask(asked))

    return await run_in_threadpool(answer)


@router.get("/export/{kind}", response_class=StreamingResponse)
def export(
    site: TheSite,
    shelf: TheShelf,
    kind: Kind,
    ask: Annotated[str, Query(description="A search, as POST /search takes it.")] = "{}",
    k: Annotated[int, Query(ge=1, le=MOST_EXPORTED, description="Most hits.")] = 500,
) -> StreamingResponse:
    """Return the hits of a search as a file; with stacked copies only the nearest of each."""
    wanted = read_ask(ask).model_copy(update={"k": k})
    hits = [hit for hit in site.searcher(shelf).hits(wanted) if hit.copy_of is None]
    return Sending(
        exported(shelf, hits, kind),
        media_type=MEDIA_TYPES[kind],
        headers={"content-disposition": f'attachment; filename="{FILE_NAMES[kind]}"'},
    )


@router.post("/uploads", openapi_extra=PHOTO_BODY, status_code=201)
async def upload(request: Request, site: TheSite) -> UploadFacts:
    """Keep the photo in the request's body for a while, to search by it."""
    data = await photo_body(request)
    name = await run_in_threadpool(site.uploads.add, data)
    height, width = site.uploads.get(name).shape[:2]
    return UploadFacts(upload=name, width=width, height=height)
