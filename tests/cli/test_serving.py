"""The command that serves, as far as it goes without serving."""

from __future__ import annotations

import socket
import sys

import pytest

from semsig.engine import Engine


@pytest.fixture
def index(tmp_path):
    Engine.create(tmp_path / "index")
    return tmp_path / "index"


def test_others_are_let_in_with_a_token_only(run, index):
    code, _, err = run("serve", "--index", index, "--host", "0.0.0.0")
    assert code == 1
    assert "Expected a token" in err


def test_a_port_that_is_taken_is_named(run, index):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("serve", "--index", index, "--port", port)
    assert code == 1
    assert f"127.0.0.1:{port}" in err
    assert "--port" in err


def test_without_the_extra_it_says_what_to_install(run, index, monkeypatch):
    monkeypatch.setitem(sys.modules, "semsig.server", None)
    code, _, err = run("serve", "--index", index)
    assert code == 1
    assert "semsig[serve]" in err
