"""Hits as files, from a real server and alone."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shutil
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

from semsig.durable import open_regular
from semsig.engine import Engine
from semsig.server.asks import Ask
from semsig.server.exporting import Sending, exported
from semsig.server.problems import RefusedError
from semsig.server.searching import Searcher
from semsig.server.shelf import Shelf
from semsig.server.uploads import Uploads


def export(served, kind, k=4, **ask):
    return served.ask(f"api/v1/export/{kind}?{urlencode({'ask': json.dumps(ask), 'k': k})}")


def test_every_kind_holds_the_hits_of_the_search(served, indexed):
    engine = Engine.open(indexed[0])
    hits = served.search(photos=[{"id": 2}], k=4)["hits"]
    paths = [engine.path(hit["id"]) for hit in hits]
    ask = {"photos": [{"id": 2}]}
    reply = export(served, "json", **ask)
    assert reply.headers["content-disposition"] == 'attachment; filename="photos.json"'
    rows = reply.json()
    assert [row["id"] for row in rows] == [hit["id"] for hit in hits]
    assert [row["measure"] for row in rows] == [hit["measure"] for hit in hits]
    assert [row["path"] for row in rows] == paths
    table = export(served, "csv", **ask)
    assert "text/csv" in table.headers["content-type"]
    read = list(csv.DictReader(io.StringIO(table.body.decode(), newline="")))
    assert [{k: str(v) for k, v in row.items()} for row in rows] == read
    assert export(served, "paths", **ask).body.decode().splitlines() == paths
    with zipfile.ZipFile(io.BytesIO(export(served, "zip", **ask).body)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[:-1] == [f"{hit['rank']} {hit['name']}" for hit in hits]
        assert [archive.read(name) for name in names[:-1]] == [Path(p).read_bytes() for p in paths]
        assert archive.read(names[-1]) == table.body


def test_of_stacked_copies_the_nearest_alone_is_exported(served):
    whole = export(served, "json", k=60, photos=[{"id": 7}]).json()
    stacked = export(served, "json", k=60, photos=[{"id": 7}], stack=True).json()
    assert len(stacked) == len(whole) - 1


def test_a_name_from_elsewhere_is_harmless_in_a_zip(served):
    with zipfile.ZipFile(io.BytesIO(export(served, "zip", k=60).body)) as archive:
        copies = [name for name in archive.namelist() if "copy" in name]
    assert copies == ["31 copy _b_of_ it.jpg"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("tar?ask={}", "'json', 'csv', 'paths' or 'zip'"),
        ("json?ask={}&k=10001", "less than or equal to 10000"),
        ("json?ask=nothing", "ask: Invalid JSON"),
        ("json?ask=%7B%22photos%22:[%7B%22weight%22:99%7D]%7D", "photos.0.weight"),
        ("zip?ask=%7B%22words%22:%22sky:nowhere%22%7D", "Expected a place"),
    ],
)
def test_what_cannot_be_exported_is_said(served, path, said):
    reply = served.ask(f"api/v1/export/{path}")
    assert reply.status == 422
    assert said in reply.json()["detail"]


@pytest.fixture
def shelf(indexed, tmp_path) -> Shelf:
    photos = [Path(shutil.copy(path, tmp_path)) for path in indexed[1][:3]]
    engine = Engine.create(tmp_path / "index")
    engine.add(photos)
    return Shelf("index", engine, Uploads(10**8, 10**8))


def hits_of(shelf):
    return Searcher(shelf).hits(Ask(k=10))


def test_a_zip_goes_on_without_photos_that_are_gone(shelf):
    hits = hits_of(shelf)
    lost = Path(shelf.record(hits[1].id).path)
    lost.unlink()
    data = b"".join(exported(shelf, hits, "zip"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 4
        assert archive.read("unreadable.txt").decode() == f"{lost}\n"


def test_a_zip_is_bounded_before_it_begins(shelf):
    hits = hits_of(shelf)
    total = sum(shelf.record(hit.id).size for hit in hits)
    with pytest.raises(RefusedError, match="take fewer") as refused:
        exported(shelf, hits, "zip", most_bytes=total - 1)
    assert refused.value.status == 413
    assert b"".join(exported(shelf, hits, "zip", most_bytes=total))


def test_a_zip_is_made_piece_by_piece(shelf, monkeypatch):
    monkeypatch.setattr("semsig.server.exporting._CHUNK", 1000)
    sizes = [len(piece) for piece in exported(shelf, hits_of(shelf), "zip")]
    assert max(sizes) < 3000
    assert len(sizes) > 10


def test_an_empty_answer_is_an_empty_file(shelf):
    assert json.loads(b"".join(exported(shelf, [], "json"))) == []
    with zipfile.ZipFile(io.BytesIO(b"".join(exported(shelf, [], "zip")))) as archive:
        assert archive.namelist() == ["photos.csv"]


def test_a_client_that_leaves_closes_what_was_open(shelf, monkeypatch):
    monkeypatch.setattr("semsig.server.exporting._CHUNK", 1000)
    opened = []

    def watched(path):
        opened.append(open_regular(path))
        return opened[-1]

    async def receive():
        while not opened:
            await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(_):
        await asyncio.sleep(0.05 if opened else 0)

    monkeypatch.setattr("semsig.server.exporting.open_regular", watched)
    response = Sending(exported(shelf, hits_of(shelf), "zip"))
    asyncio.run(response({"type": "http", "asgi": {"spec_version": "2.0"}}, receive, send))
    assert [file.closed for file in opened] == [True]
