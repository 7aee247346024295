import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from semsig import ClassTable, LabelMap
from semsig.datasets import load_dataset
from semsig.errors import DatasetError, OptionError, SegmenterError
from semsig.evaluate import evaluate
from semsig.search.options import RerankOptions
from semsig.signatures.sbs.encoding import sbs_batch
from semsig.types.metrics import METRICS
from tests.reference import hamming, measures
from tests.reference import rerank as reference

SHARED = os.environ.get("SEMSIG_SHARED")

PETS = """
name = "pets"
title = "Pets"
reference = "nobody"
licence = "none"
source = "nowhere"
mode = "{mode}"
cutoff = {cutoff}
classes = ["cat", "dog"]
class_sizes = "any"
query_sizes = "any"
database_split = "{database}"
query_split = "{queries}"
[[layouts]]
name = "folders"
pattern = '{pattern}(?P<class>[^/]+)/(?P<file>[^/]+)\\.png'
"""

ABCD = ClassTable("abcd")


def pets(folder, *, cutoff='"class size"', apart=False):
    path = folder / "pets.toml"
    path.write_text(
        PETS.format(
            mode="disjoint" if apart else "query-in-ground-truth",
            cutoff=cutoff,
            database="train" if apart else "",
            queries="test" if apart else "",
            pattern="(?P<split>train|test)/" if apart else "",
        )
    )
    return load_dataset(path)


class GreySegmenter:
    """Takes a photo's grey level 0..3 for its class, and refuses brighter ones."""

    name = "grey"
    fingerprint = "1"
    classes = ABCD

    def __call__(self, image):
        if image.max() > 3:
            raise SegmenterError("too bright")
        return LabelMap(image[..., 0], ABCD)

    def batch(self, images):
        return [self(image) for image in images]


def write(root, name, labels):
    path = root / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(np.array(labels, np.uint8)).save(path)


def write_random(root, seed, count=12, folders=("cat", "dog")):
    rng = np.random.default_rng(seed)
    for i in range(count):
        write(root, f"{folders[i % len(folders)]}/{i}", rng.integers(0, 4, (5, 7)))


def by_definition(dataset, root, levels, metric, cutoff=None):
    """Measure every query in plain Python: signatures from the package, the rest by hand."""
    photos = dataset.scan(root)
    maps = [LabelMap(np.asarray(PillowImage.open(p)), ABCD) for p in photos.paths]
    batch = sbs_batch(maps, levels)
    searched = np.flatnonzero(photos.in_database)
    rows = batch.of([batch[int(i)] for i in searched])
    scores = []
    sizes = [int((photos.labels[searched] == label).sum()) for label in (0, 1)]
    for q in np.flatnonzero(photos.is_query):
        distance = hamming.distances(rows, batch.of([batch[int(q)]]), metric)
        order = sorted(range(len(searched)), key=lambda i: (searched[i] != q, distance[i], i))
        label = photos.labels[q]
        relevant = [bool(photos.labels[searched[i]] == label) for i in order]
        first = min(cutoff or sizes[label], sizes[label])
        scores.append(
            {
                "map_paper": measures.average_precision_first(relevant, first),
                "map": measures.average_precision(relevant, sizes[label]),
                "p@20": sum(relevant[:20]) / 20,
                "p@r": sum(relevant[:first]) / first,
                "anmrr": measures.nmrr(relevant, sizes[label], max(sizes)),
            }
        )
    return photos, scores


@pytest.mark.parametrize("metric", list(METRICS))
@pytest.mark.parametrize("levels", [0, 2])
def test_as_by_definition(tmp_path, metric, levels):
    write_random(tmp_path, seed=levels)
    dataset = pets(tmp_path, cutoff=3)
    found = evaluate(dataset, tmp_path, segmenter=GreySegmenter(), levels=levels, metric=metric)
    photos, scores = by_definition(dataset, tmp_path, levels, metric, cutoff=3)
    for name, value in found.measures.items():
        assert value == pytest.approx(np.mean([score[name] for score in scores]))
        for label, class_ in enumerate(photos.classes):
            of_class = [
                s[name] for s, its in zip(scores, photos.labels, strict=True) if its == label
            ]
            assert found.per_class[class_][name] == pytest.approx(np.mean(of_class))


def described(dataset, root, levels):
    """Photos and the signatures of their maps and their mirror images, one batch a level."""
    photos = dataset.scan(root)
    maps = [LabelMap(np.asarray(PillowImage.open(p)), ABCD) for p in photos.paths]
    mirrored = [each.flipped() for each in maps]
    return photos, [(sbs_batch(maps, n), sbs_batch(mirrored, n)) for n in levels]


def precision_of(photos, distance):
    """Strict mean average precision of a matrix of distances, ties by order, itself first."""
    scores = []
    for q, row in enumerate(distance):
        order = sorted(range(len(row)), key=lambda i: (i != q, row[i], i))
        relevant = [bool(photos.labels[i] == photos.labels[q]) for i in order]
        scores.append(measures.average_precision(relevant, sum(relevant)))
    return np.mean(scores)


def test_pyramids_sum_levels_and_mirror_images_count_where_nearer(tmp_path):
    write_random(tmp_path, seed=5)
    dataset = pets(tmp_path)
    photos, batches = described(dataset, tmp_path, range(3))
    expected = sum(
        np.minimum(
            [hamming.distances(plain, plain[q : q + 1], "hamming") for q in range(12)],
            [hamming.distances(plain, flipped[q : q + 1], "hamming") for q in range(12)],
        )
        for plain, flipped in batches
    )
    found = evaluate(
        dataset, tmp_path, segmenter=GreySegmenter(), levels=2, pyramid=True, mirrored=True
    )
    assert found.measures["map"] == pytest.approx(precision_of(photos, expected))
    assert (found.settings["pyramid"], found.settings["mirrored"]) == (True, True)


def test_rerank_ranks_by_shared_neighbours(tmp_path):
    write_random(tmp_path, seed=6)
    dataset = pets(tmp_path)
    photos, [(batch, _)] = described(dataset, tmp_path, [1])
    options = RerankOptions(k1=3, k2=2, depth=12)
    before = np.array([hamming.distances(batch, batch[q : q + 1], "hamming") for q in range(12)])
    itself_first = np.where(np.eye(12), -1, before)
    rows = np.argsort(itself_first, axis=1, kind="stable")
    lists = np.take_along_axis(before, rows, axis=1), rows
    expected = np.empty((12, 12))
    np.put_along_axis(expected, rows, np.array(reference.rank(lists, lists, options)), axis=1)
    order = np.argsort(np.take_along_axis(expected.round(6), rows, 1), axis=1, kind="stable")
    ranks = np.empty((12, 12))
    np.put_along_axis(ranks, np.take_along_axis(rows, order, 1), np.arange(12.0)[None], axis=1)
    found = evaluate(dataset, tmp_path, segmenter=GreySegmenter(), levels=1, rerank=options)
    assert found.measures["map"] == pytest.approx(precision_of(photos, ranks))
    assert found.settings["rerank"] == {"k1": 3, "k2": 2, "weight": 0.3, "depth": 12}


def test_measures_lie_in_their_intervals(tmp_path):
    write_random(tmp_path, seed=7)
    found = evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter(), levels=1)
    for name, (low, high) in found.intervals.items():
        assert low <= found.measures[name] <= high
    assert found.intervals["map"][0] < found.intervals["map"][1]


def test_many_queries_are_measured_in_turns(tmp_path, monkeypatch):
    write_random(tmp_path, seed=4, count=11)
    dataset = pets(tmp_path)
    whole = evaluate(dataset, tmp_path, segmenter=GreySegmenter(), levels=1)
    monkeypatch.setattr("semsig.evaluate.rankings.QUERIES_AT_ONCE", 2)
    assert evaluate(dataset, tmp_path, segmenter=GreySegmenter(), levels=1) == whole


def test_worked_by_hand(tmp_path):
    # distances at level 0: cats a, a; dogs a (a copy of the cats), d
    for name, label in [("cat/0", 0), ("cat/1", 0), ("dog/2", 0), ("dog/3", 3)]:
        write(tmp_path, name, [[label]])
    found = evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter(), levels=0)
    # cat/0: itself, cat, dog, dog -> 1; cat/1: itself, cat, ... -> 1
    assert found.per_class["cat"]["map"] == 1
    # dog/2: itself (though cats are as near), cat, cat, dog -> (1 + 2/4) / 2
    # dog/3: itself, then cat, cat, dog by order -> (1 + 2/4) / 2
    assert found.per_class["dog"]["map"] == pytest.approx(0.75)
    assert found.measures["map"] == pytest.approx(0.875)
    assert found.per_class["dog"]["map_paper"] == 1
    assert found.per_class["dog"]["p@r"] == 0.5
    assert (found.n_queries, found.n_database) == (4, 4)


def test_queries_kept_apart(tmp_path):
    for name, label in [("train/cat/0", 0), ("train/cat/1", 3), ("train/dog/2", 3),
                        ("test/cat/8", 0), ("test/dog/9", 0)]:  # fmt: skip
        write(tmp_path, name, [[label]])
    dataset = pets(tmp_path, apart=True)
    found = evaluate(dataset, tmp_path, segmenter=GreySegmenter(), levels=0)
    assert (found.n_queries, found.n_database) == (2, 3)
    # test/cat/8: cat, cat, dog -> 1; test/dog/9: cat, cat, dog -> 1/3
    assert found.per_class["cat"]["map"] == 1
    assert found.per_class["dog"]["map"] == pytest.approx(1 / 3)


def test_a_query_that_is_left_out_neither_counts_nor_takes_a_rank(tmp_path):
    for name, label in [("1000_q", 0), ("1001", 0), ("1100_q", 3), ("1101", 0), ("1102", 3)]:
        write(tmp_path, name, [[label]])
    text = PETS.format(
        mode="query-left-out", cutoff='"class size"', database="", queries="", pattern=""
    )
    pattern = "(?P<number>1[01])(?P<file>[0-9]{2})(?P<query>_q)?"
    text = text.replace("(?P<class>[^/]+)/(?P<file>[^/]+)", pattern) + "first = 10\n"
    (tmp_path / "groups.toml").write_text(text)
    dataset = load_dataset(tmp_path / "groups.toml")
    found = evaluate(dataset, tmp_path, segmenter=GreySegmenter(), levels=0)
    assert (found.n_queries, found.n_database) == (2, 5)
    # 1000: 1001 and 1101 alike, in this order, then 3s; 1100: 1102, then 1000, 1001, 1101
    assert found.per_class["cat"]["map"] == 1
    assert found.per_class["dog"]["map"] == pytest.approx((1 + 2 / 4) / 2)
    assert found.per_class["dog"]["map_trapezoid"] == pytest.approx((1 + (1 / 3 + 2 / 4) / 2) / 2)


def test_listed_queries_are_crops_and_junk_is_passed_over(tmp_path):
    # the query is the right half of a_000000, all 3s
    write(tmp_path, "a_000000", [[0, 0, 3, 3]] * 4)
    for name, label in [("a_000001", 0), ("b_000000", 3), ("b_000001", 3), ("b_000002", 1)]:
        write(tmp_path, name, np.full((4, 4), label))
    lists = {"query": "a_000000 2 0 4 4", "good": "b_000001", "ok": "", "junk": "b_000000"}
    for kind, content in lists.items():
        (tmp_path / f"x_{kind}.txt").write_text(content)
    text = PETS.format(mode="listed", cutoff='"class size"', database="", queries="", pattern="")
    text = text.replace('["cat", "dog"]', '["a", "b"]')
    text = text.replace("(?P<class>[^/]+)/(?P<file>[^/]+)", "(?P<class>[a-z])_(?P<file>[0-9]+)")
    (tmp_path / "landmarks.toml").write_text(text)
    dataset = load_dataset(tmp_path / "landmarks.toml")
    found = evaluate(dataset, tmp_path, segmenter=GreySegmenter(), levels=0)
    assert (found.n_queries, found.n_database) == (1, 5)
    assert found.measures["map"] == 1
    assert found.measures["map_trapezoid"] == 1
    (tmp_path / "x_query.txt").write_text("a_000000 0 0 2 4")
    found = evaluate(dataset, tmp_path, segmenter=GreySegmenter(), levels=0)
    # 0s first: a_000001, a_000000, then the others as far as they are; b_000001 without junk
    assert found.measures["map"] == pytest.approx(1 / 3)


def test_separate_classes_are_retrieved_perfectly(tmp_path):
    for i in range(6):
        write(tmp_path, f"{'cat' if i % 2 else 'dog'}/{i}", np.full((3, 3), i % 2))
    found = evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter())
    assert found.measures == {"map_paper": 1, "map": 1, "p@20": 0.15, "p@r": 1, "anmrr": 0}


def test_unusable_photos_are_skipped_named_and_not_counted(tmp_path):
    write_random(tmp_path, seed=1)
    kept = evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter(), levels=1)
    (tmp_path / "cat" / "90.png").write_bytes(b"")
    (tmp_path / "dog" / "91.png").write_bytes(b"no picture")
    write(tmp_path, "dog/92", [[9]])
    found = evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter(), levels=1)
    assert found.measures == kept.measures
    assert (found.n_queries, found.n_database) == (12, 12)
    assert [(Path(s.path).name, s.reason) for s in found.skipped] == [
        ("90.png", "empty"),
        ("91.png", "not-an-image"),
        ("92.png", "no-label-map"),
    ]
    assert "too bright" in found.skipped[2].message


def test_nothing_usable_is_an_error_that_tells_why(tmp_path):
    for name in ("cat/0", "dog/1"):
        write(tmp_path, name, [[9]])
    with pytest.raises(DatasetError, match="too bright"):
        evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter())


def test_label_maps_made_elsewhere(tmp_path):
    write_random(tmp_path / "photos", seed=2)
    write_random(tmp_path / "labels", seed=2, folders=(".",))
    (tmp_path / "labels" / "classes.txt").write_text("a\nb\nc\nd\n")
    dataset = pets(tmp_path)
    own = evaluate(dataset, tmp_path / "photos", segmenter=GreySegmenter(), levels=1)
    for found in (
        evaluate(dataset, tmp_path / "photos", labels=tmp_path / "labels", levels=1),
        evaluate(dataset, tmp_path / "photos", segmenter=f"files:{tmp_path / 'labels'}", levels=1),
    ):
        assert found.measures == own.measures
        assert found.settings["segmenter"] == f"files:{tmp_path / 'labels'}"


def test_says_how_it_was_measured_as_json_too(tmp_path):
    write_random(tmp_path, seed=3)
    found = evaluate(pets(tmp_path, cutoff=5), tmp_path, segmenter=GreySegmenter(), levels=1)
    document = json.loads(json.dumps(found.as_dict()))
    assert document["dataset"] == "pets"
    assert document["settings"] == {
        "segmenter": "grey",
        "segmenter_fingerprint": "1",
        "classes": "custom",
        "signature": "sbs",
        "levels": 1,
        "metric": "hamming",
        "pyramid": False,
        "mirrored": False,
        "rerank": None,
        "mode": "query-in-ground-truth",
        "cutoff": 5,
    }
    assert document["measures"] == found.measures


def test_reports_progress_to_the_end(tmp_path):
    write_random(tmp_path, seed=3, count=4)
    told = []
    evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter(), levels=0,
             progress=lambda *what: told.append(what))  # fmt: skip
    assert told == [*(("segment", i, 4) for i in range(1, 5)), ("search", 4, 4)]


def test_refuses_options(tmp_path):
    write_random(tmp_path, seed=3, count=2)
    other = {"metric": "jaccard", "signature": "fused"}
    for options in ({"levels": 9}, {"metric": "euclid"}, other):
        with pytest.raises(OptionError):
            evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter(), **options)
    with pytest.raises(DatasetError, match="got 'cats'"):
        evaluate("cats", tmp_path, segmenter=GreySegmenter())
    with pytest.raises(SegmenterError, match="No segmenter 'psychic'"):
        evaluate(pets(tmp_path), tmp_path, segmenter="psychic")


@pytest.mark.slow
@pytest.mark.skipif(not SHARED, reason="SEMSIG_SHARED does not name the folder of real photos")
@pytest.mark.parametrize(
    ("dataset", "levels", "expected"),
    [
        ("wang", 1, {"map": 0.648, "p@20": 0.791, "map_paper": 0.780}),
        ("wang", 3, {"map": 0.659, "p@20": 0.772, "map_paper": 0.776}),
        ("msrc_v2", 1, {"map": 0.530}),
        ("msrc_v2", 3, {"map": 0.522}),
    ],
)
def test_what_an_independent_implementation_measured_on_real_photos(dataset, levels, expected):
    root = Path(str(SHARED), dataset)
    found = evaluate(dataset, root, labels=f"{root}_labelmaps", levels=levels)
    for name, value in expected.items():
        assert found.measures[name] == pytest.approx(value, abs=0.005)
