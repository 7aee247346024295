"""Photos by key, uploads, payloads and filters on them, as an application uses them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.engine import Engine
from semsig.errors import ImageError, OptionError, QueryError, UnknownIdError
from semsig.photo import PhotoRecord
from tests.engine.test_engine import ColourSegmenter, photo


@pytest.fixture
def engine(tmp_path):
    engine = Engine.create(tmp_path / "index", segmenter=ColourSegmenter(), levels=2)
    engine.add(photo(tmp_path / "photos" / f"{n}.png", sky=n / 8) for n in range(4))
    return engine


def png(tmp_path, sky: float) -> bytes:
    return photo(tmp_path / "upload.png", sky).read_bytes()


def test_photos_are_found_by_path(engine, tmp_path):
    path = str(tmp_path / "photos" / "2.png")
    assert path in engine
    assert tmp_path / "photos" / "2.png" in engine
    assert "2.png" not in engine
    assert 5 not in engine
    entry = engine.get(path)
    assert (entry.id, entry.key, entry.payload) == (2, path, None)
    assert entry.signature == engine.signature(path)
    assert engine.get("nowhere.png") is None
    assert list(engine) == list(engine.paths)


def test_an_upload_is_put_searched_replaced_and_removed(engine, tmp_path):
    entry = engine.put("upload 1", png(tmp_path, 3 / 8), {"shop": "A"})
    assert (entry.key, entry.payload) == ("upload 1", {"shop": "A"})
    hits = engine.search(png(tmp_path, 3 / 8), 2)
    assert [hit.distance for hit in hits] == [0, 0]
    assert {hit.path for hit in hits} == {"upload 1", str(tmp_path / "photos" / "3.png")}
    calls = engine.segmenter.calls
    hits = engine.search("upload 1", 1, exclude_self=True)
    assert hits[0].path.endswith("3.png")
    assert engine.segmenter.calls == calls

    engine.put("upload 1", PillowImage.open(io.BytesIO(png(tmp_path, 0.0))), [1])
    assert engine.get("upload 1").payload == [1]
    assert engine.get("upload 1").id == entry.id
    assert engine.search(tmp_path / "photos" / "0.png", 5)[1].path == "upload 1"
    assert len(engine) == 5

    again = Engine.open(tmp_path / "index", segmenter=ColourSegmenter())
    assert "upload 1" in again
    assert engine.prune([tmp_path, "/"]) == []
    assert engine.remove(["upload 1"]) == ["upload 1"]
    assert "upload 1" not in engine


def test_payloads_stay_when_a_photo_is_indexed_again(engine, tmp_path):
    path = tmp_path / "photos" / "1.png"
    engine.set_payload(path, {"title": "Sky", "year": 2020})
    assert engine.add([path]).unchanged == 1
    photo(path, sky=1.0)
    assert engine.add([path]).replaced == 1
    assert engine.get(path).payload == {"title": "Sky", "year": 2020}
    with pytest.raises(UnknownIdError, match="nowhere"):
        engine.set_payload("nowhere", 1)


def test_hits_are_filtered_by_payload(engine, tmp_path):
    for number in range(4):
        engine.set_payload(tmp_path / "photos" / f"{number}.png", {"year": 2000 + number})
    query = tmp_path / "photos" / "0.png"

    def found(where, **more):
        hits = engine.search(query, where=where, **more)
        return [int(hit.path[-5]) for hit in hits]

    assert found({"year": 2002}) == [2]
    assert found(lambda payload: payload["year"] > 2001) == [2, 3]
    assert found(lambda payload: payload["year"] < 2003, has="sky:top") == [1, 2]
    assert found({"year": 1}) == []
    hits = engine.search(None, has="sky", where={"year": 2001})
    assert [hit.path[-5] for hit in hits] == ["1"]
    with pytest.raises(QueryError, match="dict"):
        engine.search(query, where="year")


@pytest.mark.parametrize("key", ["", 5, None, b"x"])
def test_keys_are_texts(engine, tmp_path, key):
    with pytest.raises(OptionError, match="key"):
        engine.put(key, png(tmp_path, 0.5))


def test_what_cannot_be_put_changes_nothing(engine, tmp_path):
    with pytest.raises(ImageError):
        engine.put("x", b"no photo")
    with pytest.raises(OptionError, match="JSON"):
        engine.put("x", png(tmp_path, 0.5), {1, 2})
    with pytest.raises(OptionError, match="file"):
        engine.put(str(tmp_path / "photos" / "1.png"), png(tmp_path, 0.5))
    with pytest.raises(QueryError, match="float64"):
        engine.put("x", np.zeros((4, 4, 3)))
    assert len(engine) == 4


def test_records_without_payload_are_written_as_before():
    record = PhotoRecord(path="/a.jpg", digest="d", size=1, mtime_ns=2)
    assert "payload" not in record.to_json()
    assert PhotoRecord.from_json(record.to_json()) == record


def test_photos_that_nearly_meet_conditions(engine):
    exact = engine.search(None, has="sky:top>=100%", k=4)
    assert engine.matching("sky:top>=100%") == len(exact) == 2
    nearly = engine.search(None, has="sky:top>=100%", k=4, nearly=True)
    assert len(nearly) == 4
    assert nearly[0].path == exact[0].path
    distances = [hit.distance for hit in nearly]
    assert distances == sorted(distances)
    enough = engine.search(None, has="sky:top>=100%", k=2, nearly=True)
    assert enough == exact[:2]


def test_a_file_added_under_an_uploads_key_takes_its_place(engine, tmp_path):
    path = photo(tmp_path / "late.png", sky=1.0)
    engine.put(str(path), png(tmp_path, 0.0), {"kept": True})
    report = engine.add([path])
    assert (report.added, report.replaced, report.unchanged) == (0, 1, 0)
    assert engine.get(path).payload == {"kept": True}
    assert engine.search(path, 1)[0].path == str(path)
    assert engine.add([path]).unchanged == 1
    assert engine.signature(path) == engine.get(path).signature


def test_uploads_have_further_signatures(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    engine = Engine.create(tmp_path / "more", segmenter="lite@64", levels=1)
    engine.put("a", pixels)
    engine.put("a", pixels[:, ::-1].copy())
    assert len(engine.sides["pooled"]) == 1
    hit = engine.search("a", 1)[0]
    assert (hit.path, hit.metric) == ("a", "l2sq")
    assert hit.distance == pytest.approx(0, abs=1e-5)
