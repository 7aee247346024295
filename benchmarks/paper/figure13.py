"""Figure 13: queries, their segmentation, and the three nearest."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from benchmarks.paper.distances import sbs_distances
from benchmarks.paper.facts import TITLES
from benchmarks.paper.material import Material
from benchmarks.paper.parts import Figure, Heading, Part
from semsig.datasets import Photos
from semsig.evaluate.rankings import RankingOptions
from semsig.photo.image_files import read_image
from semsig.segment.card import PACKAGED

QUERIES = 5
NEAREST = 3
WIDTH, HEIGHT, GAP = 192, 128, 4
WHITE, RED = (255, 255, 255), (214, 39, 40)
RED_MEANS = "framed in red: another class than the query's"


def run(materials: list[Material]) -> dict[str, Any]:
    """Find the nearest of one query per class, evenly drawn from it, by Hamming distance."""
    return {
        material.name: {network: _examples(material, network) for network in PACKAGED}
        for material in materials
    }


def _examples(material: Material, network: str) -> list[dict[str, Any]]:
    photos = material.photos
    queries = np.flatnonzero(photos.is_query)
    classes = np.linspace(0, len(photos.classes) - 1, QUERIES).round().astype(int)
    asked = np.array([queries[photos.labels[queries] == label][0] for label in classes])
    database = np.flatnonzero(photos.in_database)
    distances = sbs_distances(material, RankingOptions(), network)(asked)
    distances[asked[:, None] == database] = np.inf
    nearest = database[np.argsort(distances, axis=1, kind="stable")[:, :NEAREST]]
    return [
        {"query": int(query), "nearest": found.tolist()}
        for query, found in zip(asked, nearest, strict=True)
    ]


def draw(materials: list[Material], found: dict[str, Any], figures: Path) -> list[Part]:
    """Draw one row per query: the photo, its label map, the nearest photos."""
    parts: list[Part] = [Heading("Figure 13. Queries, their segmentation, three nearest")]
    figures.mkdir(parents=True, exist_ok=True)
    for material, network in product((m for m in materials if m.name in found), PACKAGED):
        maps = material.label_maps(network)
        rows = [
            [
                _tile(read_image(material.photos.paths[example["query"]])),
                _tile(maps[example["query"]].colored()),
                *(_hit(material.photos, example["query"], i) for i in example["nearest"]),
            ]
            for example in found[material.name][network]
        ]
        picture = np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)
        file = figures / f"figure13-{material.name}-{network}.png"
        PillowImage.fromarray(picture).save(file, optimize=True)
        where = f"{TITLES[material.name]}, network {network}"
        parts.append(Figure(f"{figures.name}/{file.name}", f"{where}; {RED_MEANS}"))
    return parts


def _hit(photos: Photos, query: int, found: int) -> NDArray[np.uint8]:
    alike = photos.labels[query] == photos.labels[found]
    return _tile(read_image(photos.paths[found]), WHITE if alike else RED)


def _tile(image: NDArray[np.uint8], frame: tuple[int, int, int] = WHITE) -> NDArray[np.uint8]:
    """Fit a picture in the middle of a white tile."""
    scale = min(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    width, height = round(image.shape[1] * scale), round(image.shape[0] * scale)
    tile = np.full((HEIGHT + 2 * GAP, WIDTH + 2 * GAP, 3), WHITE, np.uint8)
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    tile[top : top + height + 2 * GAP, left : left + width + 2 * GAP] = frame
    fitted = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    tile[top + GAP : top + GAP + height, left + GAP : left + GAP + width] = fitted
    return tile
