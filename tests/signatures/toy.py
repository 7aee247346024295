"""A signature and a segmenter that another package might bring: the mean colour of a photo."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from semsig.classes import ClassTable
from semsig.errors import SchemaMismatchError
from semsig.search.answers import Scanning, SearchedCollection
from semsig.signatures import Needs
from semsig.types import LabelMap
from semsig.types.record_spec import RecordSpec, register_records


@dataclass(frozen=True)
class ColourSchema:
    """Mean colours in so many steps."""

    steps: int

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"colour {self.steps}".encode()).hexdigest()

    def describe(self) -> str:
        return f"mean colours in {self.steps} steps"

    def require(self, other: Any) -> None:
        if other != self:
            raise SchemaMismatchError(f"Expected {self.describe()}, got {other.describe()}.")

    def to_json(self) -> dict[str, Any]:
        return {"steps": self.steps}

    @classmethod
    def from_json(cls, document: Any) -> ColourSchema:
        return cls(int(document["steps"]))


class Colour:
    def __init__(self, values, schema):
        self.values, self.schema = np.asarray(values, np.uint8), schema


class ColourBatch:
    def __init__(self, values, offsets, schema):
        self.values, self.offsets, self.schema = values, offsets, schema

    @classmethod
    def of(cls, signatures, schema=None):
        rows = [signatures] if isinstance(signatures, Colour) else list(signatures)
        values = np.concatenate([np.zeros(0, np.uint8), *(row.values for row in rows)])
        return cls(values, np.arange(len(rows) + 1, dtype=np.int64) * 3, schema)

    def __len__(self):
        return len(self.offsets) - 1

    def __getitem__(self, row):
        return Colour(self.values[row * 3 : row * 3 + 3], self.schema)


RECORDS = register_records(
    RecordSpec(
        format="toy-colour-index",
        schema=ColourSchema,
        signature=Colour,
        batch=ColourBatch,
        dtypes=lambda _: {"values": np.dtype(np.uint8)},
        limits=lambda _: {"values": (0, 255)},
        positions=lambda values: np.arange(len(values["values"])),
        rule="three values per photo",
    )
)


class ColourScan:
    def __init__(self, batch):
        self._rows = batch.values.reshape(-1, 3).astype(np.int64)

    def search(self, queries, k, *, allowed=None):
        asked = queries.values.reshape(-1, 3).astype(np.int64)
        distances = np.abs(asked[:, None] - self._rows).sum(2).astype(np.float32)
        if allowed is not None:
            distances[:, ~allowed] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        near = np.take_along_axis(distances, order, 1)
        return np.where(np.isinf(near), -1, near), np.where(np.isinf(near), -1, order)


class ColourIndex(SearchedCollection):
    records = RECORDS

    def search(self, queries, k, *, filter_ids=None):
        scanning = Scanning("colours", ColourScan, whole=True)
        return self._find_nearest(self._store.snapshot, queries, k, filter_ids, scanning)


@dataclass(frozen=True)
class ColourEncoder:
    schema: ColourSchema
    needs = Needs(image=True, short_side=16)

    @property
    def settings(self):
        return {"steps": self.schema.steps}

    def __call__(self, inputs):
        mean = inputs.pixels().mean((0, 1))
        step = 256 / self.schema.steps
        return Colour((mean // step * step).astype(np.uint8), self.schema)


@dataclass(frozen=True)
class ColourWhy:
    sentence: str

    def to_dict(self):
        return {"why": self.sentence}


class ColourKind:
    name = "colour"
    title = "mean colours"
    folder = "colour"
    kept = ()
    metrics = ("L1",)
    fused_metric = "L1"
    has_levels = False
    rank = 9
    index = ColourIndex
    leave_out = None

    def scale(self, schema):
        return 1 / 765

    def suits(self, segmenter):
        return True

    def is_default(self, segmenter):
        return False

    def encoder(self, segmenter, *, steps=256):
        return ColourEncoder(ColourSchema(steps))

    def search_options(self, metric):
        return {}

    def keep(self, encoder, folder):
        pass

    def encoder_of(self, schema, folder):
        return ColourEncoder(schema)

    def explain_needs(self, encoder):
        return encoder.needs

    def explain(self, encoder, a, b, names):
        first, second = (encoder(one).values.astype(int) for one in (a, b))
        apart = int(np.abs(first - second).sum())
        return ColourWhy(f"{names[0]} and {names[1]} are {apart} steps of colour apart")


COLOUR = ColourKind()


class Brightness:
    """Segments by brightness."""

    fingerprint = "brightness 1"
    classes = ClassTable(["dark", "bright"])

    def __init__(self, limit):
        self.name, self._limit = f"brightness:{limit}", limit

    def __call__(self, image):
        return LabelMap((image.mean(2) > self._limit).astype(np.uint8), self.classes)

    def batch(self, images):
        return [self(image) for image in images]


def load_brightness(rest, *, threads=None):
    return Brightness(int(rest or 100))
