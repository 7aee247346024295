"""Rendered scenes with true label maps: something to index, search and measure without photos.

The pictures are simple, but retrieval on them is not: categories share most of their classes (a
harbour and a beach both have sky, sea and boats), and horizon, number, place and size of things
vary.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from semsig.classes import ClassTable
from semsig.durable import make_folder, write_file
from semsig.errors import OptionError
from semsig.opencv import cv2
from semsig.synthetic import indoors, outdoors
from semsig.synthetic.canvas import Canvas
from semsig.types import Image, LabelMap

__all__ = ["CATEGORIES", "Scene", "scenes", "write_scenes"]

_PAINTERS = {
    "airport": outdoors.airport,
    "beach": outdoors.beach,
    "forest": outdoors.forest,
    "harbour": outdoors.harbour,
    "kitchen": indoors.kitchen,
    "living_room": indoors.living_room,
    "mountain_lake": outdoors.mountain_lake,
    "pasture": outdoors.pasture,
    "savanna": outdoors.savanna,
    "street": outdoors.street,
}

CATEGORIES = tuple(_PAINTERS)
"""Kinds of scenes."""

_SHORT_SIDE = 256
"""Pixels of the short side that scenes are painted at; other sizes are scaled from it."""

_LIGHTS = (
    (1.0, 1.0, 1.0),
    (1.06, 1.0, 0.9),
    (0.92, 0.98, 1.08),
    (1.1, 0.86, 0.7),
    (0.8, 0.82, 0.9),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A rendered picture and what it shows.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    label_map : LabelMap
        The true class of every pixel, over the table ``semsig54``.
    category : str
        One of :data:`CATEGORIES`.
    """

    image: Image
    label_map: LabelMap
    category: str


def scenes(count: int, seed: int = 0, size: tuple[int, int] = (384, 256)) -> Iterator[Scene]:
    """Render scenes, the categories in turn.

    Parameters
    ----------
    count : int
        How many, at least 0.
    seed : int
        The same seed gives the same scenes; a larger `count` only adds some.
    size : (int, int)
        Width and height in pixels, each at least 32.

    Raises
    ------
    OptionError
        If `count` or `size` is out of range.
    """
    if count < 0 or min(size) < 32:
        raise OptionError(f"Expected count >= 0 and sides >= 32, got {count} and {size}.")
    classes = ClassTable.builtin("semsig54")
    return (_scene(number, seed, size, classes) for number in range(count))


def _scene(number: int, seed: int, size: tuple[int, int], classes: ClassTable) -> Scene:
    category = CATEGORIES[number % len(CATEGORIES)]
    rng = np.random.default_rng([seed, number])
    zoom = _SHORT_SIDE / min(size)
    canvas = Canvas((round(size[0] * zoom), round(size[1] * zoom)), classes, rng)
    _PAINTERS[category](canvas)
    light = _LIGHTS[rng.integers(len(_LIGHTS))]
    image = canvas.finish(light, contrast=rng.uniform(0.8, 1.15), noise=rng.uniform(1, 5))
    image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    labels = cv2.resize(canvas.labels, size, interpolation=cv2.INTER_NEAREST)
    if rng.random() < 0.5:
        image, labels = np.ascontiguousarray(image[:, ::-1]), labels[:, ::-1]
    return Scene(image=image, label_map=LabelMap(labels, classes), category=category)


def write_scenes(folder: Path | str, count: int, seed: int = 0) -> Path:
    """Write scenes as a dataset: ``photos/CATEGORY/NNNN.jpg`` and ``labels/NNNN.png``.

    ``labels`` also holds ``classes.toml``, so that ``files:FOLDER/labels`` is their true
    segmenter; ``photos`` is a root of the dataset ``synthetic``.

    Parameters
    ----------
    folder : Path or str
        Made if absent; files of the same names are replaced.
    count, seed : int
        See :func:`scenes`.

    Returns
    -------
    Path
        The folder ``photos``.

    Raises
    ------
    OptionError
        If `count` is out of range.
    """
    photos, labels = Path(folder, "photos"), Path(folder, "labels")
    make_folder(labels)
    for number, scene in enumerate(scenes(count, seed)):
        place = photos / scene.category
        make_folder(place)
        _save(scene.image, place / f"{number:04}.jpg", quality=92)
        _save(scene.label_map.labels, labels / f"{number:04}.png")
    _write_table(labels / "classes.toml", ClassTable.builtin("semsig54"))
    return photos


def _save(pixels: NDArray[np.generic], path: Path, **options: int) -> None:
    """Write a picture completely or not at all; without sync, because it can be rendered again."""
    content = io.BytesIO()
    kind = "JPEG" if path.suffix == ".jpg" else "PNG"
    PillowImage.fromarray(pixels).save(content, kind, **options)
    write_file(path, content.getvalue(), sync=False)


def _write_table(path: Path, classes: ClassTable) -> None:
    names = "".join(f'    "{name}",\n' for name in classes.names)
    colors = "".join(f"    {list(color)},\n" for color in classes.palette)
    text = f'name = "{classes.name}"\nnames = [\n{names}]\npalette = [\n{colors}]\n'
    write_file(path, text.encode())
