"""The API's JSON documents: requests of clients and answers of the server."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_PHOTOS = 16
MOST_MARKS = 500
MOST_HITS = 500

Id = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """A document in which unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class QueryPhoto(Strict):
    """A photo to search by: an indexed one, or an uploaded one."""

    id: Id | None = None
    upload: str | None = Field(default=None, max_length=64)
    weight: float = Field(default=1.0, ge=-10, le=10, description="Negative: not like this one.")
    crop: tuple[Fraction, Fraction, Fraction, Fraction] | None = Field(
        default=None, description="Left, top, right, bottom, as fractions of the turned photo."
    )
    rotate: Literal[0, 90, 180, 270] = Field(default=0, description="Degrees clockwise.")


class Painted(Strict):
    """A layout: a small grid of class labels, run-length coded row by row."""

    width: int = Field(ge=1, le=256)
    height: int = Field(ge=1, le=256)
    runs: list[tuple[int, int]] = Field(
        max_length=65_536, description="(label, length) pairs; label -1 is unpainted."
    )


class Ask(Strict):
    """A search. Without photo, layout and words it lists the photos of the index."""

    photos: list[QueryPhoto] = Field(default=[], max_length=MOST_PHOTOS)
    layout: Painted | None = None
    words: str = Field(
        default="", max_length=1000, description='Such as "sky:top, horse>10%, !person".'
    )
    without: str = Field(default="", max_length=1000, description="Classes that hits lack.")
    right: list[Id] = Field(default=[], max_length=MOST_MARKS, description="Photos marked right.")
    wrong: list[Id] = Field(default=[], max_length=MOST_MARKS, description="Photos marked wrong.")
    mirrored: bool = False
    signature: str | None = Field(default=None, max_length=64)
    metric: str | None = Field(default=None, max_length=64)
    rerank: Literal["neighbours", "expand"] | None = None
    threshold: float | None = Field(default=None, ge=0, description="Largest distance of a hit.")
    k: int = Field(default=60, ge=1, le=MOST_HITS)
    offset: int = Field(default=0, ge=0, le=10_000_000)
    include_self: bool = False
    stack: bool = Field(default=False, description="Say which hits are copies of nearer ones.")


class PhotoFacts(BaseModel):
    """An indexed photo."""

    id: int
    name: str
    width: int = Field(description="Pixels, upright; 0 if the file cannot be read.")
    height: int
    version: str = Field(description="Changes with the photo.")


class HitFacts(PhotoFacts):
    """One answer of a search."""

    rank: int
    distance: float
    measure: str = Field(description="The distance with its unit.")
    copy_of: int | None = Field(
        default=None,
        description="If stacking, of the first 2,000: the nearest that this is a copy of.",
    )


class Suggestion(BaseModel):
    """A condition that would narrow the answer down."""

    words: str
    name: str
    color: str
    count: int = Field(description="Photos of the answer's first that meet it.")
    of: int


class Answer(BaseModel):
    """What was found."""

    total: int = Field(description="Photos that match; 0 if none does: hits come nearest then.")
    hits: list[HitFacts]
    next: int | None = Field(description="Offset of what follows; null at the end.")
    signature: str = Field(description="What photos were compared by; empty for words alone.")
    metric: str
    understood: str = Field(description="The words as they were understood.")
    suggestions: list[Suggestion]
    seconds: float


class ClassFacts(BaseModel):
    """A class of the index."""

    label: int
    name: str
    spoken: str
    color: str
    count: int = Field(description="Photos that show it on more than 2 % of their area.")


class Share(BaseModel):
    """The share of one class in a photo."""

    name: str
    color: str
    share: float


class Described(BaseModel):
    """The content of a photo."""

    sentence: str
    classes: list[Share]


class Matched(BaseModel):
    """Two similar parts, each as left, top, right, bottom, and their squared L2 distance."""

    a: tuple[float, float, float, float]
    b: tuple[float, float, float, float]
    distance: float


class Reason(BaseModel):
    """Why one photo is similar to another."""

    sentence: str
    distance: int = Field(description="Bits in which their blocks differ.")
    grid: int = Field(description="Blocks a side.")
    agreement: list[float] = Field(description="Of each block, row by row: 1 = the same.")
    classes: dict[str, int] = Field(description="Bits that differ, by class.")
    regions: list[Matched]


class UploadFacts(BaseModel):
    """An uploaded photo."""

    upload: str
    width: int
    height: int


class IndexFacts(BaseModel):
    """A served index."""

    name: str
    photos: int
    segmenter: str
    signatures: list[str]
    metrics: dict[str, dict[str, str]] = Field(
        description="Of each signature, its distances and what they are; empty if it has one."
    )
    rerankings: list[str] = Field(description="How searches can be ranked anew.")
    writable: bool


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok"]
    version: str
    indexes: list[IndexFacts]


class Duplicate(PhotoFacts):
    """A photo in a group of near-duplicates."""

    bytes: int
    taken: str
    sharpness: float
    best: bool


class DuplicateGroups(BaseModel):
    """Groups of near-duplicates, the largest first."""

    within: float
    groups: list[list[Duplicate]]


class CellFacts(PhotoFacts):
    """A cell of the map, and the photo that represents it."""

    column: int
    row: int
    count: int = Field(description="Photos in the cell.")


class MapFacts(BaseModel):
    """A part of the map, on which similar photos are near each other."""

    photos: int
    by: str = Field(description="What photos were compared by.")
    columns: int
    rows: int
    cells: list[CellFacts]


class Looking(BaseModel):
    """Work in progress: ask again."""

    done: int
    of: int = Field(description="Photos; 0 if that is not known yet.")


Problem: dict[int | str, dict[str, Any]] = {
    422: {
        "description": "What was asked for cannot be understood",
        "content": {"application/problem+json": {}},
    },
}
