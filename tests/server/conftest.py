"""A real server process on a small index of rendered scenes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

pytest.importorskip("fastapi", reason="needs the extra serve")

from semsig.engine import Engine
from semsig.synthetic import write_scenes

N_SCENES = 30


@dataclass(frozen=True)
class Reply:
    """A response of the server."""

    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A server process."""

    address: str
    photos: list[Path]
    process: subprocess.Popen[str]

    def ask(self, path: str, body: Any = None, **headers: str) -> Reply:
        """GET, or POST `body`: bytes as they are, all else as JSON."""
        method = headers.pop("method", "GET" if body is None else "POST")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("content-type", "application/json")
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.address + path, body, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Reply(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, error.headers, error.read())

    def search(self, **ask: Any) -> Any:
        reply = self.ask("api/v1/search", ask)
        assert reply.status == 200, reply.body
        return reply.json()


def start(index: Path, photos: list[Path], *options: str) -> Served:
    """Start a server on a free port and wait until it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "semsig", "serve", "--index", index, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    line = process.stdout.readline()
    assert " at http://" in line, line
    return Served(line.split(" at ")[1].strip().partition("?")[0], photos, process)


def stop(served: Served) -> int:
    """Stop a server as Ctrl-C does, and return its exit code."""
    served.process.send_signal(signal.SIGINT)
    code = served.process.wait(20)
    served.process.stdout.close()
    return code


@pytest.fixture(scope="session")
def indexed(tmp_path_factory) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("served")
    root = write_scenes(folder / "scenes", N_SCENES)
    photos = sorted(root.glob("*/*.jpg"), key=lambda path: path.stem)[:N_SCENES]
    with PillowImage.open(photos[0]) as picture:
        copy = folder / "scenes" / "copy <b>of\u202e it.jpg"
        picture.resize((picture.width * 2, picture.height * 2)).save(copy, quality=90)
    engine = Engine.create(folder / "index")
    report = engine.add([*photos, copy], workers=2)
    assert report.added == N_SCENES + 1
    return folder / "index", [*photos, copy]


@pytest.fixture(scope="session")
def served(indexed) -> Iterator[Served]:
    server = start(*indexed)
    yield server
    stop(server)


@pytest.fixture(scope="session")
def two(indexed, tmp_path_factory) -> Iterator[Served]:
    """A server of two indexes, of which the second, "other", was made by another network."""
    folder = tmp_path_factory.mktemp("two") / "other"
    photos = indexed[1][:12]
    assert Engine.create(folder, segmenter="embedded").add(photos, workers=2).added == 12
    server = start(indexed[0], photos, "--index", str(folder))
    yield server
    stop(server)


@pytest.fixture(scope="session")
def photo(indexed) -> bytes:
    """The bytes of an indexed photo, 256 pixels wide."""
    with PillowImage.open(indexed[1][3]) as picture:
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
