from __future__ import annotations

import errno
import hashlib
import io
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from semsig.errors import CheckpointError
from semsig.segment.download import fetch, stated_hash

CONTENT = bytes(range(256)) * 12_000  # three chunks
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = f"net-{DIGEST[:8]}.pth"


class Server(ThreadingHTTPServer):
    """Serves CONTENT; misbehaves on request."""

    ranges = True  # honours Range
    stops_after: int | None = None  # bytes, then the connection closes
    sized = True  # sends Content-Length

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models/{NAME}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        if not self.path.startswith("/models/"):
            return self.send_error(404)
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and self.server.ranges else 0
        if start >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if self.server.sized:
            self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.server.stops_after])
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_download_then_cache(server, tmp_path):
    seen = []
    path = fetch(server.url, folder=tmp_path / "a" / "b", progress=lambda *now: seen.append(now))
    assert path == tmp_path / "a" / "b" / NAME
    assert path.read_bytes() == CONTENT
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert fetch(server.url, folder=path.parent) == path
    assert len(server.asked) == 1
    assert list(path.parent.iterdir()) == [path]


def test_interrupted_download_goes_on_where_it_stopped(server, tmp_path):
    server.stops_after = 2_000_000
    with pytest.raises(CheckpointError, match="run again"):
        fetch(server.url, folder=tmp_path)
    assert (tmp_path / f"{NAME}.part").stat().st_size == 2_000_000
    server.stops_after = None
    assert fetch(server.url, folder=tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=2000000-"]


def test_server_without_ranges_starts_over(server, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:1000])
    server.ranges = False
    assert fetch(server.url, folder=tmp_path).read_bytes() == CONTENT


def test_foreign_remainder_is_thrown_away(server, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * 1000)
    assert fetch(server.url, folder=tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-", None]


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 5])
def test_remainder_as_long_as_the_file(server, tmp_path, size):
    (tmp_path / f"{NAME}.part").write_bytes((CONTENT + b"12345")[:size])
    assert fetch(server.url, folder=tmp_path).read_bytes() == CONTENT


def test_damaged_cached_file_is_fetched_again(server, tmp_path):
    (tmp_path / NAME).write_bytes(b"damaged")
    assert fetch(server.url, folder=tmp_path).read_bytes() == CONTENT


def test_wrong_hash_is_refused_and_leaves_nothing(server, tmp_path):
    url = server.url.replace(DIGEST[:8], "0" * 8)
    with pytest.raises(CheckpointError, match="another file"):
        fetch(url, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_name_without_hash_is_taken_as_it_comes(server, tmp_path):
    assert fetch(server.url.replace(NAME, "net.pth"), folder=tmp_path).read_bytes() == CONTENT


def test_server_that_states_no_length(server, tmp_path):
    server.sized = False
    totals = []
    fetch(server.url, folder=tmp_path, progress=lambda _, total: totals.append(total))
    assert set(totals) == {None}


def test_404(server, tmp_path):
    with pytest.raises(CheckpointError, match="404"):
        fetch(server.url.replace("models", "nothing"), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_network(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot be reached.*mmseg:CONFIG@FILE"):
        fetch(f"http://127.0.0.1:9/{NAME}", folder=tmp_path)


class Full(io.BytesIO):
    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk(server, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", lambda *_: Full())
    with pytest.raises(CheckpointError, match="is full"):
        fetch(server.url, folder=tmp_path)


def test_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="SEMSIG_CACHE"):
        fetch(server.url, folder=tmp_path / "file" / "x")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/x.pth", "http://host/", "http://host/%2fetc%2fx", "x.pth"],
)
def test_addresses_that_are_none(url, tmp_path):
    with pytest.raises(CheckpointError, match="http or https"):
        fetch(url, folder=tmp_path)


def test_default_folder_is_in_the_cache(server, monkeypatch, tmp_path):
    monkeypatch.setenv("SEMSIG_CACHE", str(tmp_path))
    assert fetch(server.url) == tmp_path / "checkpoints" / NAME


def test_stated_hash():
    assert stated_hash("fcn_hr18s_20210829_174739-f1e7c2e7.pth") == "f1e7c2e7"
    assert stated_hash("fcn_hr18s.pth") is None
