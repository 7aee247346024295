"""The routes of single photos: pictures, descriptions, and explanations of similarity."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from semsig.report.draw import fit
from semsig.server.asks import Described, Painted, PhotoFacts, QueryPhoto, Reason
from semsig.server.pictures import jpeg, numbers, tint
from semsig.server.reasons import described, reason
from semsig.server.requests import API, Side, TheShelf, TheSite, known_side, read_ask
from semsig.server.shelf import Shelf

router = APIRouter(**API)

_FOREVER = {"cache-control": "private, max-age=31536000, immutable"}


@router.get("/uploads/{upload}/picture", response_class=Response)
def uploaded(site: TheSite, upload: str, side: Side = 640) -> Response:
    """Return an uploaded photo as JPEG."""
    image = site.uploads.get(upload)
    return Response(jpeg(fit(image, known_side(side))), media_type="image/jpeg", headers=_FOREVER)


@router.get("/uploads/{upload}/overlay", response_class=Response)
def uploaded_overlay(shelf: TheShelf, upload: str, side: Side = 640) -> Response:
    """Return the classes of an uploaded photo as colours, to be laid over it."""
    return Response(_tinted(shelf, QueryPhoto(upload=upload), side), media_type="image/png")


@router.get("/uploads/{upload}/description")
def uploaded_description(shelf: TheShelf, upload: str) -> Described:
    """Describe what an uploaded photo shows."""
    return described(shelf, QueryPhoto(upload=upload))


@router.get("/photos/{id}")
def photo(shelf: TheShelf, id: int) -> PhotoFacts:  # noqa: A002
    """Return the name and size of a photo."""
    return shelf.facts(id)


@router.get("/photos/{id}/description")
def photo_description(shelf: TheShelf, id: int) -> Described:  # noqa: A002
    """Describe what a photo shows."""
    return described(shelf, QueryPhoto(id=id))


@router.get("/photos/{id}/picture", response_class=Response)
def picture(site: TheSite, shelf: TheShelf, id: int, side: Side = 640) -> Response:  # noqa: A002
    """Return a photo as JPEG, upright, never enlarged."""
    key = f"picture {known_side(side)} {shelf.record(id).digest}"
    data = site.pictures.get(key, lambda: _scaled(shelf, id, side))
    return Response(data, media_type="image/jpeg", headers=_FOREVER)


@router.get("/photos/{id}/overlay", response_class=Response)
def overlay(site: TheSite, shelf: TheShelf, id: int, side: Side = 640) -> Response:  # noqa: A002
    """Return the classes of a photo as colours, to be laid over it."""
    fingerprint = shelf.engine.index.meta["segmenter_fingerprint"]
    key = f"overlay {known_side(side)} {fingerprint} {shelf.record(id).digest}"
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
    """Explain why photo `b` is similar to photo `a`, or to an uploaded one."""
    asked = {"id": a, "upload": upload, "rotate": rotate, "crop": crop.split(",") if crop else None}
    first = read_ask({"photos": [asked]}).photos[0]
    return reason(shelf, first, QueryPhoto(id=b), regions=regions)


@router.post("/explain/layout")
def explain_layout(shelf: TheShelf, b: int, layout: Painted) -> Reason:
    """Explain why a photo is similar to a painted layout."""
    return reason(shelf, shelf.layout(layout), QueryPhoto(id=b), regions=False)


def _scaled(shelf: Shelf, id_: int, side: int) -> bytes:
    image = shelf.pixels(QueryPhoto(id=id_), side)
    return jpeg(fit(image, min(side, max(image.shape[:2]))))


def _tinted(shelf: Shelf, photo: QueryPhoto, side: int) -> bytes:
    label_map = shelf.label_map(photo)
    height, width = label_map.shape
    scale = min(known_side(side), 640) / max(height, width)
    return tint(label_map, max(1, round(height * scale)), max(1, round(width * scale)))
