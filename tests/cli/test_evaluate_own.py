"""Evaluation of a folder of one's own, several systems side by side."""

import json
import pickle

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image as PillowImage

from semsig import load_segmenter
from semsig.datasets.trec import read_qrels, read_run
from semsig.evaluate.runs import measure_run
from semsig.signatures import PooledOptions, Projection

CLASSES = "a\nb\nc\nd\n"


@pytest.fixture
def mine(tmp_path):
    """Photos of two classes, and their label maps."""
    rng = np.random.default_rng(0)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "classes.txt").write_text(CLASSES)
    for n in range(10):
        class_ = ("cat", "dog")[n % 2]
        labels = np.where(rng.random((16, 16)) < 0.5, n % 2, rng.integers(0, 4, (16, 16)))
        (tmp_path / "mine" / class_).mkdir(parents=True, exist_ok=True)
        photo = np.repeat(np.repeat(labels[..., None] * 60, 8, 0), 8, 1).repeat(3, 2)
        PillowImage.fromarray(photo.astype(np.uint8)).save(tmp_path / "mine" / class_ / f"{n}.png")
        PillowImage.fromarray(labels.astype(np.uint8)).save(tmp_path / "labels" / f"{n}.png")
    return tmp_path


def test_a_folder_of_classes_needs_no_description(mine, run):
    code, out, _ = run("evaluate", mine / "mine", "--labels", mine / "labels", "--levels", 0,
                       "--measures", "map,p@1,recall@5")  # fmt: skip
    assert code == 0
    assert "map\tp@1\trecall@5\tclass" in out
    assert "cat" in out


def test_several_signatures_are_compared_and_written(mine, run):
    names = ("csv", "latex", "markdown", "record", "per-query", "worst", "plots", "run")
    files = {name: mine / "out" / name for name in names}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    code, out, err = run(
        "evaluate", mine / "mine", "--labels", mine / "labels", "--levels", 1, "--metric",
        "tanimoto", "--compare", "sbs,sbovp,fused", *options, "--json",
    )  # fmt: skip
    assert code == 0, err
    document = json.loads(out)
    assert list(document["systems"]) == ["sbs", "sbovp", "fused"]
    assert document["systems"]["sbs"]["settings"]["metric"] == "tanimoto"
    assert len(document["differences"]) == 3
    qrels = read_qrels(files["run"] / "qrels.txt")
    for name, result in document["systems"].items():
        back = measure_run(read_run(files["run"] / f"{name}.run"), qrels)
        assert back.measures == result["measures"]
    assert len(pyarrow.parquet.read_table(files["per-query"])) == 30
    assert set(json.loads(files["record"].read_text())["sha256"]) == {"photos"}
    assert files["worst"].read_text().count("<section>") == 10
    assert (files["plots"] / "classes.svg").is_file()
    assert r"\begin{tabular}" in files["latex"].read_text()


def test_several_segmenters_are_named(mine, run):
    own = f"files:{mine / 'labels'}"
    code, out, _ = run("evaluate", mine / "mine", "--segmenters", f"{own},{own}@voc",
                       "--levels", 0)  # fmt: skip
    assert code == 0
    assert f"\t{own}\n" in out
    assert f"\t{own}@voc\n" in out
    code, out, _ = run("evaluate", mine / "mine", "--segmenters", own, "--levels", 0, "--json")
    assert json.loads(out)["settings"]["segmenter"] == own


def test_pooled_descriptors_by_projections_of_ones_own(mine, run):
    lite = load_segmenter("lite")
    axes = np.random.default_rng(0).normal(size=(lite.n_features, 12)).astype(np.float16)
    projection = Projection(
        mean=np.zeros(len(axes), np.float16),
        axes=axes / np.abs(axes).max(),
        network=lite.fingerprint,
        pooling=PooledOptions().pooling,
    )
    projection.save(mine / "axes.npz")
    code, out, err = run("evaluate", mine / "mine", "--compare", f"pooled,pooled@{mine}/axes.npz",
                         "--measures", "map", "--json")  # fmt: skip
    assert code == 0, err
    systems = json.loads(out)["systems"]
    dims = {name: result["settings"]["dims"] for name, result in systems.items()}
    assert dims[f"pooled@{mine}/axes.npz"] == 12
    assert dims["pooled"] != 12
    code, _, err = run("evaluate", mine / "mine", "--signature", "sbs@axes.npz")
    assert code == 2
    assert "pooled@FILE" in err


def test_judged_queries(mine, run):
    (mine / "qrels.txt").write_text("0 0 2 1\n0 0 4 2\n1 0 3 1\n")
    code, out, _ = run("evaluate", mine / "mine", "--relevant", mine / "qrels.txt", "--labels",
                       mine / "labels", "--levels", 0, "--measures", "ndcg", "--json")  # fmt: skip
    assert code == 0
    assert json.loads(out)["n_queries"] == 2


def test_landmarks_by_protocol_and_their_file_as_json(mine, run):
    truth = {
        "imlist": ["0", "1", "2", "3"],
        "qimlist": ["4"],
        "gnd": [{"bbx": [0, 0, 64, 64], "easy": [0], "hard": [2], "junk": [1]}],
    }
    (mine / "gnd_mine.pkl").write_bytes(pickle.dumps(truth))
    code, out, _ = run("datasets", "--convert", mine / "gnd_mine.pkl")
    assert code == 0
    assert "1 queries, 4 photos" in out
    ranks = {}
    for protocol in ("easy", "medium", "hard"):
        code, out, _ = run(
            "evaluate", mine / "mine", "--relevant", mine / "gnd_mine.json", "--protocol", protocol,
            "--labels", mine / "labels", "--levels", 0, "--measures", "mrr,recall@3", "--json",
        )  # fmt: skip
        assert code == 0
        document = json.loads(out)
        assert (document["n_queries"], document["n_database"]) == (1, 4)
        ranks[protocol] = document["measures"]
    assert ranks["medium"]["recall@3"] == 1  # two of three without junk
    assert ranks["easy"]["mrr"] >= 0.5  # one of two
    code, _, err = run("evaluate", mine / "mine", "--protocol", "hard")
    assert code == 1
    assert "Expected ground truth with protocol" in err


def test_what_does_not_fit_is_said(mine, run):
    code, _, err = run("evaluate", mine / "mine" / "cat")
    assert code == 1
    assert "Expected a folder of class folders" in err
    code, _, err = run("evaluate", "wang")
    assert code == 2
    assert "Give --root" in err
    code, _, err = run("evaluate", "wang", "--root", mine, "--left-out")
    assert code == 2
    assert "of your" in err
    code, _, err = run("evaluate", mine / "mine", "--compare", "sbs,siftt")
    assert code == 2
    assert "siftt" in err
