"""Damaged files that commands read: photos, label maps, networks, caches."""
# ruff: noqa: B023 - each try is made before its loop goes on

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
from benchmarks.torture.tries import Found, Outcome, anew, outcome_of
from semsig.photo.image_files import read_image
from semsig.segment.card import PACKAGED
from semsig.segment.files import FilesSegmenter
from semsig.segment.onnx_graph import refused
from semsig.signatures import KeypointCache, load_detector
from semsig.synthetic import scenes


def damaged_photos(folder: Path, rng: random.Random) -> Found:
    """Photos of every format, damaged; each is read, or its error has a name."""
    formats = ("jpg", "png", "webp", "bmp", "tif", "gif")
    path = anew(folder) / "photo"
    while True:
        for number, scene in enumerate(scenes(6, rng.randrange(1000), (96, 64))):
            body = io.BytesIO()
            kind = {"jpg": "JPEG", "tif": "TIFF"}.get(formats[number], formats[number].upper())
            Image.fromarray(scene.image).save(body, kind)
            for _ in range(10):
                path.write_bytes(mutated(body.getvalue(), rng))
                yield f"{kind} damaged", *outcome_of(lambda: read_image(path).ndim == 3)


def damaged_label_maps(folder: Path, rng: random.Random) -> Found:
    """Label maps and vocabularies, damaged."""
    anew(folder)
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in "abcdefghi"))
    labels = np.arange(64, dtype=np.uint8).reshape(8, 8) % 9
    Image.fromarray(labels).save(folder / "1.png")
    np.save(folder / "2.npy", labels)
    np.savez_compressed(folder / "3.npz", labels=labels)
    Image.fromarray(labels).save(folder / "4.tif")
    files = {file: file.read_bytes() for file in folder.glob("[1-4].*")}
    segmenter = FilesSegmenter(folder)
    while True:
        file, content = rng.choice(list(files.items()))
        file.write_bytes(mutated(content, rng))
        photo = file.stem + ".jpg"
        found = outcome_of(lambda: segmenter.for_path(photo).labels.ndim == 2)
        yield f"{file.name} damaged", *found
        file.write_bytes(content)


def damaged_networks(folder: Path, rng: random.Random) -> Found:
    """Network files, damaged: their operators are listed, or they are refused."""
    anew(folder)
    whole = PACKAGED["lite"].read_bytes()[-60_000:] + PACKAGED["lite"].read_bytes()[:60_000]

    def attempt() -> bool:
        try:
            return refused(content) is not None
        except ValueError:
            return True

    while True:
        content = mutated(whole if rng.random() < 0.5 else PACKAGED["lite"].read_bytes(), rng)
        yield "operators", *outcome_of(attempt)


def damaged_keypoints(folder: Path, rng: random.Random) -> Found:
    """Entries of the cache of keypoints, damaged: found again, and the same."""
    image = next(iter(scenes(1, 3, (64, 48)))).image
    detector, cache = load_detector("kaze"), KeypointCache(anew(folder))
    expected = cache.detect(image, detector)
    [file] = folder.glob("*.kp")
    content = file.read_bytes()

    def attempt() -> bool:
        found = cache.detect(image, detector)
        return found.points.tobytes() == expected.points.tobytes()

    while True:
        file.write_bytes(mutated(content, rng))
        yield "keypoints damaged", *outcome_of(attempt)


_PACK = """
from benchmarks.torture import world
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
