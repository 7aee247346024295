import csv
import hashlib
import io
import json

import numpy as np
import pyarrow.parquet
import pytest

from semsig import __version__
from semsig.datasets.trec import Run, read_qrels, read_run
from semsig.errors import DatasetError, OptionError
from semsig.evaluate import evaluate
from semsig.evaluate.hearing import FirstHits, all_hear, run_file, write_qrels
from semsig.evaluate.publishing import hash_files, write_results
from semsig.evaluate.runs import measure_run
from semsig.evaluate.scoring import measure
from semsig.evaluate.systems import Systems
from semsig.evaluate.tables import as_csv, as_latex, as_markdown
from tests.evaluate.test_evaluate import GreySegmenter, pets, write, write_random

QRELS = {f"q{n}": {"a": 1, "b": 1} for n in range(12)}


def system(name, first="a"):
    """A run that finds b second, and `first` first."""
    return measure_run(Run(name=name, rankings=dict.fromkeys(QRELS, (first, "b"))), QRELS)


@pytest.fixture
def systems():
    return Systems.of({"good_one": system("good_one"), "b|d": system("b|d", first="x")})


def test_systems_are_tested_by_pairs(systems):
    (difference,) = systems.differences
    # 1 less AP (1/2) / 2, for each of 12 queries: 2 of 2^12 flips are as far apart
    assert difference.difference == pytest.approx(0.75)
    assert difference.p == difference.p_holm == 2 / 2**12
    with pytest.raises(OptionError, match="Expected to test one of"):
        Systems.of(systems.results, "ndcg")
    with pytest.raises(OptionError, match="at least one system"):
        Systems.of({})


def test_csv_holds_measures_and_intervals(systems):
    rows = list(csv.DictReader(io.StringIO(as_csv(systems))))
    assert [(row["system"], row["class"]) for row in rows] == [("good_one", "all"), ("b|d", "all")]
    assert float(rows[1]["map"]) == 0.25
    assert float(rows[1]["map_low"]) == float(rows[1]["map_high"]) == 0.25


def test_latex_escapes_marks_the_best_and_what_differs(systems):
    text = as_latex(systems)
    assert r"good\_one & " in text
    assert r"\textbf{1.000}" in text
    assert r"0.250$^\dagger$" in text
    lines = [line for line in text.splitlines() if "&" in line]
    assert {line.count("&") for line in lines} == {5}
    # less anmrr is better
    assert r"\textbf{0.000}" in next(line for line in lines if line.startswith("good"))


def test_markdown_has_intervals_and_tests(systems):
    text = as_markdown(systems)
    assert r"| b\|d | " in text
    assert "0.250 (0.250–0.250)" in text
    assert "| good_one | b\\|d | +0.7500 | 0.0005 | 0.0005 |" in text


def test_record_and_scores_hold_what_was_measured(systems, tmp_path):
    files = {name: tmp_path / name for name in ("csv", "latex", "markdown", "record", "per_query")}
    write_results(systems, **files, sources={"photos": "00"})
    document = json.loads((tmp_path / "record").read_text())
    assert document["systems"]["b|d"]["measures"]["map"] == 0.25
    assert document["versions"]["semsig"] == __version__
    assert document["sha256"] == {"photos": "00"}
    assert document["seeds"]["permutation"] == 0
    assert document["differences"][0]["p"] == 2 / 2**12
    rows = pyarrow.parquet.read_table(tmp_path / "per_query").to_pylist()
    assert len(rows) == 24
    assert (rows[12]["system"], rows[12]["query"]) == ("b|d", "q0")
    assert [row["map"] for row in rows] == [1.0] * 12 + [0.25] * 12


def test_hashes_change_with_content_name_and_order(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    paths = [tmp_path / "a", tmp_path / "b"]
    lines = "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in paths)
    assert hash_files(paths, ["a", "b"]) == hashlib.sha256(lines.encode()).hexdigest()
    others = [hash_files(paths, ["a", "c"]), hash_files(paths[::-1], ["b", "a"])]
    assert hash_files(paths, ["a", "b"]) not in others


def distances_of(photos):
    """Anything: distances drawn for photos of grey pictures."""
    drawn = np.random.default_rng(0).random((len(photos.paths), int(photos.in_database.sum())))
    return lambda asked: drawn[asked].astype(np.float32)


def heard(dataset, root, tmp_path, cutoff=None):
    photos = dataset.scan(root)
    first = FirstHits(3)
    with run_file(tmp_path / "run", "mine", photos) as write_run:
        result = measure(
            dataset, photos, distances_of(photos), hear=all_hear([write_run, first]),
            measures=["map", "map_paper", "p@r", "anmrr", "recall@3", "ndcg@4"],
        )  # fmt: skip
    write_qrels(tmp_path / "qrels", photos)
    back = measure_run(
        read_run(tmp_path / "run"),
        read_qrels(tmp_path / "qrels"),
        measures=tuple(result.measures),
        cutoff=cutoff,
    )
    return photos, result, back, first


@pytest.mark.parametrize("mode", ["together", "apart"])
def test_a_benchmark_measured_from_its_files_is_the_same(tmp_path, mode):
    folders = ("train/cat", "train/dog", "test/cat", "test/dog") if mode == "apart" else None
    write_random(tmp_path, seed=0, **({"folders": folders} if folders else {}))
    dataset = pets(tmp_path, cutoff=2, apart=mode == "apart")
    photos, result, back, first = heard(dataset, tmp_path, tmp_path, cutoff=2)
    assert back.queries == result.queries
    for name, values in result.scores.items():
        assert back.scores[name].tolist() == values.tolist()
    assert back.curve.tolist() == result.curve.tolist()
    query = int(np.flatnonzero(photos.is_query)[0])
    assert len(first.of(query)) == 3
    for number, right in first.of(query):
        assert right == (photos.labels[number] == photos.labels[query])


def test_photos_that_files_cannot_tell_apart_are_refused(tmp_path):
    for name in ("cat/a b", "cat/a%20b", "dog/1"):
        write(tmp_path, name, [[1]])
    photos = pets(tmp_path).scan(tmp_path)
    assert photos.names[0] in ("cat/a b.png", "cat/a%20b.png")
    write_qrels(tmp_path / "fine", photos)  # % is written as %25
    assert set(read_qrels(tmp_path / "fine")) == {
        "cat/a%20b.png", "cat/a%2520b.png", "dog/1.png",
    }  # fmt: skip


def test_evaluation_names_its_queries_and_their_scores(tmp_path):
    write_random(tmp_path, seed=1)
    found = evaluate(pets(tmp_path), tmp_path, segmenter=GreySegmenter(), levels=0)
    assert set(found.queries) == {
        p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.png")
    }
    for name, values in found.scores.items():
        assert values.mean() == found.measures[name]
    assert "scores" not in found.as_dict()
    with pytest.raises(DatasetError):
        pets(tmp_path).scan(tmp_path / "none")
