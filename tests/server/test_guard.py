"""Requests that the server refuses."""

from __future__ import annotations

import asyncio
import socket
import time
from urllib.parse import urlsplit

import pytest

from semsig.engine import Engine
from semsig.errors import OptionError
from semsig.server import ServeOptions
from semsig.server.app import create_app
from semsig.server.guard import Guard
from semsig.server.uploads import Uploads
from tests.server.conftest import start, stop


@pytest.fixture(scope="module")
def locked(indexed):
    served = start(*indexed, "--token", "secret")
    yield served
    stop(served)


def test_a_name_that_is_not_its_own_is_refused(served):
    assert served.ask("api/v1/health", Host="attacker.example").status == 421
    assert served.ask("api/v1/health", Host="192.168.0.7").status == 421
    assert served.ask("api/v1/health", Host="localhost:1234").status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://attacker.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}],
)
def test_another_site_changes_and_asks_nothing(served, headers):
    assert served.ask("api/v1/search", {"k": 1}, **headers).status == 403
    own = f"http://{urlsplit(served.address).netloc}"
    assert served.ask("api/v1/search", {"k": 1}, Origin=own).status == 200


def test_every_answer_has_safe_headers(served):
    for path in ("", "api/v1/health", "static/app.js", "api/v1/nothing"):
        headers = served.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_the_page_runs_no_inline_script_or_style(served):
    text = served.ask("").body.decode()
    assert '<script type="module" src=' in text
    assert text.count("<script") == 1
    assert " style=" not in text
    assert "<style" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_a_token_is_asked_for(locked):
    assert locked.ask("api/v1/classes").status == 401
    assert locked.ask("").status == 401
    assert locked.ask("api/v1/health").status == 200
    assert locked.ask("api/v1/classes", Authorization="Bearer wrong").status == 401
    assert locked.ask("api/v1/classes", Authorization="Bearer secret").status == 200
    assert locked.ask("", Cookie="semsig-token=secret").status == 200
    assert locked.ask("api/v1/classes?token=secret").status == 401


def test_the_address_with_the_token_lets_a_browser_in(locked):
    host, port = urlsplit(locked.address).netloc.split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(b"GET /?token=secret HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(4096), b"")).decode()
    assert answer.startswith("HTTP/1.1 303")
    assert "location: /\r\n" in answer
    assert "HttpOnly" in answer
    assert "SameSite=strict" in answer


def test_a_large_body_is_refused_before_it_is_read(served):
    reply = served.ask("api/v1/uploads", bytes((32 << 20) + 1))
    assert reply.status == 413


def test_a_client_that_leaves_in_an_upload_harms_nothing(served):
    host, port = urlsplit(served.address).netloc.split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as line:
            line.sendall(
                b"POST /api/v1/uploads HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Length: 90000\r\n\r\nx"
            )
    time.sleep(0.2)
    assert served.ask("api/v1/health").status == 200


@pytest.mark.parametrize(("slow", "size", "status"), [(True, 1, 408), (False, 11, 413)])
def test_a_slow_or_large_body_ends(slow, size, status):
    async def reading(scope, receive, send):
        while (await receive()).get("more_body"):
            pass

    async def receive():
        await asyncio.sleep(10 if slow else 0)
        return {"type": "http.request", "body": bytes(size), "more_body": True}

    answered = []

    async def send(message):
        answered.append(message.get("status"))

    options = ServeOptions(upload_seconds=0.2, upload_bytes=50)
    scope = {"type": "http", "method": "POST", "path": "/x", "query_string": b""}
    headers = [(b"host", b"localhost"), (b"content-type", b"image/jpeg")]
    started = time.monotonic()
    asyncio.run(Guard(reading, options)(scope | {"headers": headers}, receive, send))
    assert answered[0] == status
    assert time.monotonic() - started < 5


def test_paths_are_nowhere(served):
    for path in ("static/../app.py", "static/%2e%2e/app.py", "api/v1/photos/..%2f..%2fetc"):
        assert served.ask(path).status in (404, 422)


def test_others_reach_it_with_a_token_only():
    with pytest.raises(OptionError, match="--token"):
        ServeOptions(host="0.0.0.0")
    options = ServeOptions(host="0.0.0.0", token="t", hosts=("photos.lan",))
    assert options.allows("192.168.0.7")
    assert options.allows("photos.lan")
    assert not options.allows("attacker.example")
    assert not ServeOptions().allows("192.168.0.7")


@pytest.mark.parametrize("wrong", [{"port": 70_000}, {"upload_bytes": 0}, {"cache_bytes": -1}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(OptionError, match="Expected"):
        ServeOptions(**wrong)


def test_uploads_are_kept_within_their_bound(photo, indexed):
    uploads = Uploads(max_pixels=10_000_000, max_bytes=1)
    first = uploads.add(photo)
    second = uploads.add(indexed[1][1].read_bytes())
    assert uploads.get(second).shape[2] == 3
    with pytest.raises(Exception, match="send it again"):
        uploads.get(first)


def test_a_client_that_leaves_while_it_sends_is_no_error(indexed):
    told = iter([{"type": "http.request", "body": b"x", "more_body": True}])

    async def receive():
        return next(told, {"type": "http.disconnect"})

    async def send(_):
        pass

    scope = {"type": "http", "method": "POST", "path": "/api/v1/uploads", "query_string": b""}
    app = create_app([Engine.open(indexed[0])])
    try:
        asyncio.run(app(scope | {"headers": [(b"host", b"localhost")]}, receive, send))
    finally:
        app.state.site.close()
