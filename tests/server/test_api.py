"""The API of a real server process."""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig.engine import Engine
from semsig.types.metrics import METRICS, POOLED_METRICS
from tests.server.conftest import N_SCENES, start, stop

TOTAL = N_SCENES + 1


def test_it_says_that_it_is_well(served):
    facts = served.ask("api/v1/health").json()
    assert facts["status"] == "ok"
    assert facts["indexes"] == [
        {
            "name": "index",
            "photos": TOTAL,
            "segmenter": "lite",
            "signatures": ["sbs", "pooled", "fused"],
            "metrics": {
                "sbs": {name: entry.meaning for name, entry in METRICS.items()},
                "pooled": dict(POOLED_METRICS),
                "fused": {},
            },
            "rerankings": ["neighbours", "expand"],
            "writable": False,
        }
    ]


@pytest.mark.parametrize("signature", ["sbs", "pooled"])
def test_a_photo_of_the_index_finds_what_the_engine_finds(served, indexed, signature):
    engine = Engine.open(indexed[0])
    id_ = int(engine.index.ids[4])
    hits = engine.search(engine.path(id_), 8, signature=signature, exclude_self=True)
    answer = served.search(photos=[{"id": id_}], k=8, signature=signature)
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in hits]
    assert [hit["measure"] for hit in answer["hits"]] == [hit.measure for hit in hits]
    assert answer["total"] == N_SCENES


def test_pages_join_to_one_ranking(served):
    whole = served.search(photos=[{"id": 2}], k=30)
    first = served.search(photos=[{"id": 2}], k=11)
    assert first["next"] == 11
    second = served.search(photos=[{"id": 2}], k=30, offset=11)
    assert first["hits"] + second["hits"] == whole["hits"]
    assert [hit["rank"] for hit in whole["hits"]] == list(range(1, N_SCENES + 1))
    assert second["next"] is None


def test_an_upload_finds_itself(served, photo):
    answer = served.ask("api/v1/search/photo?k=3", photo, content_type="image/png").json()
    assert answer["hits"][0]["id"] == 3
    kept = served.ask("api/v1/uploads", photo, content_type="image/png")
    assert kept.status == 201
    name = kept.json()["upload"]
    assert served.search(photos=[{"upload": name}], k=1)["hits"][0]["id"] == 3
    described = served.ask(f"api/v1/uploads/{name}/description").json()
    assert described["sentence"]
    assert served.ask(f"api/v1/uploads/{name}/picture").headers["content-type"] == "image/jpeg"


def test_words_narrow_and_rank(served, indexed):
    engine = Engine.open(indexed[0])
    expected = {hit.id for hit in engine.search(None, TOTAL, has="sky:top")}
    answer = served.search(words="sky:top", k=100)
    assert {hit["id"] for hit in answer["hits"]} == expected
    assert answer["total"] == len(expected)
    narrowed = served.search(photos=[{"id": 0}], words="sky:top", k=100)
    assert {hit["id"] for hit in narrowed["hits"]} == expected - {0}


def test_a_crop_is_searched_as_the_crop_itself(served, photo):
    with PillowImage.open(io.BytesIO(photo)) as picture:
        width, height = picture.size
        part = picture.crop((0, 0, width // 2, height))
    buffer = io.BytesIO()
    part.save(buffer, "PNG")
    alone = served.ask("api/v1/search/photo?k=5", buffer.getvalue()).json()["hits"]
    name = served.ask("api/v1/uploads", photo).json()["upload"]
    cropped = served.search(photos=[{"upload": name, "crop": [0, 0, 0.5, 1]}], k=5)["hits"]
    assert [hit["id"] for hit in cropped] == [hit["id"] for hit in alone]


def test_a_turn_by_four_quarters_is_none(served, photo):
    name = served.ask("api/v1/uploads", photo).json()["upload"]
    plain = served.search(photos=[{"upload": name}], k=5)["hits"]
    turned = served.search(photos=[{"upload": name, "rotate": 90}], k=5)["hits"]
    assert turned[0]["distance"] > plain[0]["distance"]


def test_a_layout_finds_the_photo_that_it_was_painted_from(served, indexed):
    engine = Engine.open(indexed[0])
    label_map = engine.label_map(engine.path(6))
    values = np.where(label_map.labels == label_map.classes.void, -1, label_map.labels.astype(int))
    runs = [[int(value), 1] for value in values.ravel()]
    height, width = values.shape
    layout = {"width": width, "height": height, "runs": runs}
    assert served.search(layout=layout, k=1)["hits"][0]["id"] == 6
    refused = served.ask("api/v1/search", {"layout": layout | {"runs": runs[1:]}})
    assert refused.status == 422
    assert "that fill" in refused.json()["detail"]


def test_marks_bring_the_right_near_and_drop_the_wrong(served):
    before = [hit["id"] for hit in served.search(photos=[{"id": 0}], k=40)["hits"]]
    right, wrong = before[12], before[0]
    after = [
        hit["id"]
        for hit in served.search(photos=[{"id": 0}], right=[right], wrong=[wrong], k=40)["hits"]
    ]
    assert wrong not in after
    assert after.index(right) < before.index(right)
    refused = served.ask("api/v1/search", {"wrong": [wrong]})
    assert refused.status == 422


def test_a_minus_photo_pushes_its_like_away(served):
    plus = served.search(photos=[{"id": 0}], k=40, include_self=True)["hits"]
    far = plus[5]["id"]
    minus = served.search(photos=[{"id": 0}, {"id": far, "weight": -1}], k=40, include_self=True)[
        "hits"
    ]
    assert [hit["id"] for hit in minus].index(far) > 5


@pytest.mark.parametrize("signature", ["sbs", "pooled"])
def test_every_metric_that_is_named_is_taken(served, signature):
    named = served.ask("api/v1/health").json()["indexes"][0]["metrics"][signature]
    for metric in named:
        answer = served.search(photos=[{"id": 0}], signature=signature, metric=metric, k=3)
        assert answer["metric"] == metric


def test_a_threshold_bounds_distances(served):
    every = served.search(photos=[{"id": 0}], k=40)["hits"]
    limit = every[6]["distance"]
    near = served.search(photos=[{"id": 0}], threshold=limit, k=40)
    assert near["hits"] == [hit for hit in every if hit["distance"] <= limit]
    assert near["total"] == len(near["hits"])


def test_suggestions_count_what_they_lead_to(served):
    answer = served.search(k=5)
    assert answer["suggestions"]
    for one in answer["suggestions"]:
        assert served.search(words=one["words"], k=1)["total"] == one["count"]
        assert 0 < one["count"] < one["of"] == TOTAL


def test_classes_come_with_counts(served):
    classes = served.ask("api/v1/classes").json()
    counts = [one["count"] for one in classes]
    assert counts == sorted(counts, reverse=True)
    name = classes[0]["name"]
    assert served.search(words=f"{name}>2%", k=1)["total"] == counts[0]


def test_pictures_come_in_known_sizes(served):
    for kind, media in (("picture", "image/jpeg"), ("overlay", "image/png")):
        reply = served.ask(f"api/v1/photos/1/{kind}?side=160")
        assert reply.headers["content-type"] == media
        assert "immutable" in reply.headers["cache-control"]
        with PillowImage.open(io.BytesIO(reply.body)) as picture:
            assert max(picture.size) == 160
    assert served.ask("api/v1/photos/1/picture?side=161").status == 422


def test_the_label_map_is_the_engines(served, indexed):
    engine = Engine.open(indexed[0])
    reply = served.ask("api/v1/photos/1/labels")
    with PillowImage.open(io.BytesIO(reply.body)) as picture:
        assert np.array_equal(np.asarray(picture), engine.label_map(engine.path(1)).labels)


def test_reasons_are_the_engines(served, indexed):
    engine = Engine.open(indexed[0])
    why = engine.explain(engine.path(1), engine.path(2), names=("the query", "this photo"))
    told = served.ask("api/v1/explain?a=1&b=2&regions=true").json()
    assert told["sentence"] == why.sentence
    assert told["distance"] == why.distance
    assert len(told["agreement"]) == told["grid"] ** 2
    assert 1 <= len(told["regions"]) <= 3
    same = served.ask("api/v1/explain?a=1&b=1&regions=true").json()
    assert all(one["a"] == one["b"] and one["distance"] == 0 for one in same["regions"])


def test_copies_are_found_and_the_larger_is_best(served):
    found = served.ask("api/v1/duplicates?within=0.3").json()
    group = next(g for g in found["groups"] if any("copy" in one["name"] for one in g))
    assert group[0]["best"]
    assert "copy" in group[0]["name"]
    assert served.ask("api/v1/duplicates?within=0").json()["groups"] == []


def test_who_does_not_wait_for_copies_is_told_how_far_it_is(served):
    path = "api/v1/duplicates?within=0.59&wait="
    first = served.ask(path + "0")
    assert first.status == 202
    assert first.json().keys() == {"done", "of"}
    whole = served.ask(path + "60")
    assert whole.status == 200
    assert any("copy" in one["name"] for group in whole.json()["groups"] for one in group)
    assert served.ask(path + "0").json() == whole.json()


def test_the_map_shows_who_stands_for_each_cell(served):
    whole = served.ask("api/v1/map?columns=8&rows=6").json()
    assert (whole["photos"], whole["by"]) == (TOTAL, "pooled")
    assert sum(cell["count"] for cell in whole["cells"]) == TOTAL
    part = served.ask("api/v1/map?columns=8&rows=6&window=2,1,5,4").json()["cells"]
    inside = [c for c in whole["cells"] if 2 <= c["column"] < 5 and 1 <= c["row"] < 4]
    assert part == inside
    too_many = served.ask("api/v1/map?columns=100&rows=100")
    assert too_many.status == 422
    assert "look at a part" in too_many.json()["detail"]
    assert served.ask("api/v1/map?window=1,2").status == 422


def test_hits_that_are_copies_name_the_nearest_of_them(served):
    copy = next(h["id"] for h in served.search(k=60)["hits"] if "copy" in h["name"])
    plain = served.search(photos=[{"id": 7}], k=60)
    assert {hit["copy_of"] for hit in plain["hits"]} == {None}
    stacked = served.search(photos=[{"id": 7}], k=60, stack=True)
    assert [hit["id"] for hit in stacked["hits"]] == [hit["id"] for hit in plain["hits"]]
    order = [hit["id"] for hit in stacked["hits"] if hit["id"] in (0, copy)]
    assert {hit["id"]: hit["copy_of"] for hit in stacked["hits"] if hit["copy_of"] is not None} == {
        order[1]: order[0]
    }
    ranks = {hit["id"]: hit["rank"] for hit in plain["hits"]}
    later = served.search(photos=[{"id": 7}], k=60, offset=ranks[order[0]], stack=True)
    assert [h["copy_of"] for h in later["hits"] if h["id"] == order[1]] == [order[0]]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("api/v1/photos/999", None, 404, "999"),
        ("api/v1/search", {"words": "sky:nowhere"}, 422, "Expected a place"),
        ("api/v1/search", {"k": 0}, 422, "greater than or equal to 1"),
        ("api/v1/search", {"path": "/etc/passwd"}, 422, "Extra inputs"),
        ("api/v1/search", {"photos": [{"id": 1}], "signature": "sbovp"}, 422, "semsig index"),
        ("api/v1/search?id=1&signature=pooled&metric=tanimoto", None, 422, "pooled"),
        ("api/v1/uploads", b"not a photo", 415, "no image"),
        ("api/v1/uploads", b"", 422, "got nothing"),
        ("api/v1/classes?index=other", None, 404, "Expected an index of index"),
        ("api/v1/uploads/00/picture", None, 410, "send it again"),
        ("api/v1/nothing", None, 404, "Not Found"),
        ("api/v1/photos", b"x", 403, "--writable"),
    ],
)
def test_errors_are_problems_in_words(served, path, body, status, said):
    reply = served.ask(path, body)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert said in reply.json()["detail"]
    assert reply.json()["status"] == status


def test_openapi_and_metrics(served):
    document = served.ask("api/v1/openapi.json").json()
    assert "/api/v1/search" in document["paths"]
    assert served.ask("api/v1/photos/1").status == 200
    text = served.ask("api/v1/metrics").body.decode()
    assert f'semsig_photos{{index="0"}} {TOTAL}' in text
    assert 'route="/api/v1/photos/{id}",status="200"' in text
    assert "photos/1/" not in text  # routes, never what was asked of them


def test_photos_are_added_and_removed_where_that_is_allowed(indexed, photo, tmp_path):
    folder = tmp_path / "index"
    shutil.copytree(indexed[0], folder)
    served = start(folder, [], "--writable")
    try:
        facts = served.ask("api/v1/photos", photo, content_type="image/png")
        assert facts.status == 201
        id_ = facts.json()["id"]
        files = list((tmp_path / "index-added").iterdir())
        assert [path.read_bytes() for path in files] == [photo]
        assert served.search(photos=[{"id": 3}], k=1)["hits"][0]["id"] == id_
        assert served.ask(f"api/v1/photos/{id_}", method="DELETE").status == 204
        assert served.ask(f"api/v1/photos/{id_}").status == 404
        assert files[0].exists()
        assert served.ask("api/v1/photos", b"junk").status == 415
        assert list((tmp_path / "index-added").iterdir()) == files
    finally:
        assert stop(served) == 0


def test_a_photo_whose_file_is_gone_is_gone_in_words(indexed, tmp_path):
    photos = [Path(shutil.copy(path, tmp_path)) for path in indexed[1][:3]]
    engine = Engine.create(tmp_path / "index")
    engine.add(photos)
    served = start(tmp_path / "index", photos)
    try:
        photos[1].unlink()
        reply = served.ask("api/v1/photos/1/picture")
        assert reply.status == 410
        assert served.search(k=5)["hits"][1]["width"] == 0
    finally:
        stop(served)


def test_where_no_photo_meets_all_the_nearest_are_shown(served):
    names = [one["name"] for one in served.ask("api/v1/classes").json()[:3]]
    words = ", ".join(f"{name}>40%" for name in names)
    answer = served.search(words=words, k=3)
    assert answer["total"] == 0
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3]
    distances = [hit["distance"] for hit in answer["hits"]]
    assert distances == sorted(distances)


def test_an_empty_index_is_served(tmp_path):
    Engine.create(tmp_path / "index")
    started = time.monotonic()
    served = start(tmp_path / "index", [])
    try:
        answer = served.search(k=5)
        assert (answer["total"], answer["hits"], answer["next"]) == (0, [], None)
        assert served.ask("api/v1/duplicates").json()["groups"] == []
        assert served.ask("api/v1/map").json()["cells"] == []
        assert served.ask("map").status == 200
    finally:
        assert stop(served) == 0
    assert time.monotonic() - started < 60
