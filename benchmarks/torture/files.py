"""Damaged files that commands read: photos, label maps, networks, caches."""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.torture.mutations import mutated
from benchmarks.torture.tries import AT_ONCE, Found, Outcome, Try, anew, made
from semsig.errors import CheckpointError
from semsig.photo.image_files import read_image
from semsig.segment.card import PACKAGED
from semsig.segment.files import FilesSegmenter
from semsig.segment.onnx_graph import refused
from semsig.signatures import KeypointCache, load_detector
from semsig.synthetic import scenes


def damaged_photos(folder: Path, rng: random.Random) -> Found:
    """Photos of every format, damaged; each is read, or its error has a name."""
    path = anew(folder) / "photo"

    def one(kind: str, whole: bytes) -> tuple[str, Try]:
        content = mutated(whole, rng)

        def attempt() -> bool:
            path.write_bytes(content)
            return read_image(path).ndim == 3

        return f"{kind} damaged", attempt

    while True:
        for kind, scene in zip(_FORMATS, scenes(6, rng.randrange(1000), (96, 64)), strict=True):
            body = io.BytesIO()
            Image.fromarray(scene.image).save(body, kind)
            yield from made([one(kind, body.getvalue()) for _ in range(AT_ONCE)])


_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


def damaged_label_maps(folder: Path, rng: random.Random) -> Found:
    """Label maps of every format, damaged."""
    anew(folder)
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in "abcdefghi"))
    labels = np.arange(64, dtype=np.uint8).reshape(8, 8) % 9
    Image.fromarray(labels).save(folder / "1.png")
    np.save(folder / "2.npy", labels)
    np.savez_compressed(folder / "3.npz", labels=labels)
    Image.fromarray(labels).save(folder / "4.tif")
    files = {file: file.read_bytes() for file in folder.glob("[1-4].*")}
    segmenter = FilesSegmenter(folder)

    def one() -> tuple[str, Try]:
        file, whole = rng.choice(list(files.items()))
        content = mutated(whole, rng)

        def attempt() -> bool:
            file.write_bytes(content)
            return segmenter.for_path(file.stem + ".jpg").labels.ndim == 2

        return f"{file.name} damaged", attempt

    while True:
        yield from made([one() for _ in range(AT_ONCE)])


def damaged_networks(folder: Path, rng: random.Random) -> Found:
    """Network files, damaged: their operators are listed, or they are refused."""
    anew(folder)
    whole = PACKAGED["lite"].read_bytes()
    short = whole[-60_000:] + whole[:60_000]

    def one() -> tuple[str, Try]:
        content = mutated(whole if rng.random() < 0.2 else short, rng)

        def attempt() -> bool:
            try:
                refused(content)
            except ValueError as error:
                raise CheckpointError(str(error)) from error
            return True

        return "operators", attempt

    while True:
        yield from made([one() for _ in range(AT_ONCE)])


def damaged_keypoints(folder: Path, rng: random.Random) -> Found:
    """Entries of the cache of keypoints, damaged: found again, and the same."""
    image = next(iter(scenes(1, 3, (64, 48)))).image
    detector, cache = load_detector("kaze"), KeypointCache(anew(folder))
    expected = cache.detect(image, detector)
    [file] = folder.glob("*.kp")
    whole = file.read_bytes()

    def one() -> tuple[str, Try]:
        content = mutated(whole, rng)

        def attempt() -> bool:
            file.write_bytes(content)
            found = cache.detect(image, detector)
            return found.points.tobytes() == expected.points.tobytes()

        return "keypoints damaged", attempt

    while True:
        yield from made([one() for _ in range(AT_ONCE)])


_PACK = """
from benchmarks.torture import world
import cv2
import numpy as np
kind = world.kinds()[0]
index = kind.index(kind.schema)
index.add([kind.signature(seed) for seed in range(3)])
print(index.to_packed().sum())
"""


def damaged_kernels(folder: Path, rng: random.Random) -> Found:
    """Compiled kernels in their cache, damaged: compiled again, with the same answers."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(anew(folder) / "cache")}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _PACK]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=300, check=False
        )

    expected = run().stdout
    shutil.copytree(folder / "cache", folder / "whole")
    while True:
        shutil.rmtree(folder / "cache")
        shutil.copytree(folder / "whole", folder / "cache")
        files = [file for file in (folder / "cache").rglob("*") if file.is_file()]
        for file in files if rng.random() < 0.5 else [rng.choice(files)]:
            file.write_bytes(mutated(file.read_bytes(), rng))
        try:
            done = run()
        except subprocess.TimeoutExpired:
            yield "kernels damaged", Outcome.HANG, ""
            continue
        if done.returncode < 0:
            outcome = Outcome.CRASH
        elif done.returncode:
            outcome = Outcome.TRACEBACK
        else:
            outcome = Outcome.RIGHT if done.stdout == expected else Outcome.WRONG
        yield "kernels damaged", outcome, done.stderr[-2000:]
