"""Label maps to learn from: existing files, or those of a network, made once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image as Pictures

from semsig.classes import ClassTable
from semsig.durable import make_folder, write_file, writing
from semsig.segment import load_segmenter, segment_path
from semsig.segment.base import Segmenter

FILES = "labels:"


def load_teacher(teacher: str, photos: Sequence[Path], out: Path) -> Segmenter:
    """Return a segmenter that reads the label map of every photo from disk.

    Parameters
    ----------
    teacher : str
        ``labels:DIR[@TABLE]``, or the name of a network for
        :func:`semsig.segment.load_segmenter`.
    photos : sequence of Path
        A network labels those that it has not labelled yet.
    out : Path
        A network's label maps go to ``out/labels-FINGERPRINT``, one PNG per photo.

    Raises
    ------
    SegmenterError
        If the teacher cannot be loaded or fails on a photo.
    """
    if teacher.startswith(FILES):
        return load_segmenter("files:" + teacher.removeprefix(FILES))
    network = load_segmenter(teacher)
    digest = hashlib.sha256(network.fingerprint.encode()).hexdigest()
    folder = out / f"labels-{digest[:8]}"
    make_folder(folder)
    for photo in photos:
        target = folder / f"{photo.stem}.png"
        if not target.exists():
            _save(network, photo, target)
    table = out / f"{folder.name}.txt"
    write_table(network.classes, table)
    return load_segmenter(f"files:{folder}@{table}")


def write_table(classes: ClassTable, path: Path) -> None:
    """Write one class name per line, as :meth:`ClassTable.from_lines` reads them."""
    write_file(path, "".join(f"{name}\n" for name in classes.names).encode())


def _save(network: Segmenter, photo: Path, target: Path) -> None:
    labels = segment_path(network, photo).labels
    with writing(target) as file:
        Pictures.fromarray(labels).save(file, format="PNG")
