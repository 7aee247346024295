"""What is kept while an index is served."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from semsig.engine import Engine
from semsig.errors import QueryError
from semsig.server.asks import Ask
from semsig.server.searching import Searcher
from semsig.server.shelf import Recent, Shelf
from semsig.server.uploads import Uploads


def test_what_is_being_made_is_waited_for():
    recent, begun, go, made = Recent(2), Event(), Event(), []

    def make():
        begun.set()
        go.wait(10)
        made.append(1)
        return len(made)

    got = []
    threads = [Thread(target=lambda: got.append(recent.get("a", make))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    assert recent.get("b", lambda: "other") == "other"  # nobody waits for what others ask for
    go.set()
    for thread in threads:
        thread.join(10)
    assert (got, made) == ([1, 1, 1], [1])


def test_what_fails_is_made_again():
    recent = Recent(2)
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 // 0)
    assert recent.get("a", lambda: 5) == 5


def test_the_oldest_are_forgotten():
    recent = Recent(2)
    for key in "abac":
        recent.get(key, lambda key=key: key)
    assert recent.get("b", lambda: "new") == "new"
    assert recent.get("c", lambda: "new") == "c"


def test_many_photos_are_not_ranked_by_shared_neighbours(indexed, monkeypatch):
    shelf = Shelf("index", Engine.open(indexed[0]), Uploads(10**8, 10**8))
    ask = Ask(photos=[{"id": 0}], rerank="neighbours", k=5)
    assert len(Searcher(shelf).answer(ask).hits) == 5
    monkeypatch.setattr("semsig.server.shelf.MOST_NEIGHBOURS", 10)
    assert shelf.rerankings == ["expand"]
    with pytest.raises(QueryError, match="take 'expand'"):
        Searcher(shelf).answer(ask)
    assert len(Searcher(shelf).answer(ask.model_copy(update={"rerank": "expand"})).hits) == 5


def test_what_is_left_out_does_not_count(indexed, monkeypatch):
    monkeypatch.setattr("semsig.server.searching._FIRST", 4)
    monkeypatch.setattr("semsig.server.searching._SPLIT", 4)
    engine = Engine.open(indexed[0])
    searcher = Searcher(Shelf("index", engine, Uploads(10**8, 10**8)))
    count = len(engine)
    assert searcher.answer(Ask(k=3)).total == count
    assert searcher.answer(Ask(k=3, photos=[{"id": 0}])).total == count - 1
    assert searcher.answer(Ask(k=3, photos=[{"id": 0}], include_self=True)).total == count
    assert searcher.answer(Ask(k=3, photos=[{"id": 0}], wrong=[1, 2])).total == count - 3
    sky = searcher.answer(Ask(k=3, words="sky")).total
    ids = {hit.id for hit in searcher.answer(Ask(k=count, words="sky")).hits}
    assert sky == len(ids) > 4
    one = min(ids)
    assert searcher.answer(Ask(k=3, words="sky", photos=[{"id": one}])).total == sky - 1
