import json

import pyarrow.parquet
import pytest


@pytest.fixture
def files(tmp_path):
    queries = [f"q{n}" for n in range(10)]
    (tmp_path / "qrels.txt").write_text("".join(f"{q} 0 a 1\n" for q in queries))
    for name, photos in (("one", "ab"), ("two", "ba")):
        lines = [f"{q} Q0 {p} 0 {-n} {name}\n" for q in queries for n, p in enumerate(photos)]
        (tmp_path / name).write_text("".join(lines))
    return tmp_path


def test_runs_are_measured_tested_and_written(files, run):
    out = {
        name: files / "out" / name
        for name in ("csv", "latex", "markdown", "record", "per-query", "plots")
    }
    options = [part for name, path in out.items() for part in (f"--{name}", path)]
    arguments = ["compare", files / "one", files / "two", "--qrels", files / "qrels.txt"]
    code, text, _ = run(*arguments, "--measures", "p@1,ndcg@5", "--test", "p@1", *options)
    assert code == 0
    assert "p@1\tndcg@5\tsystem\n1.000\t1.000\tone\n0.000\t0.631\ttwo" in text
    assert "+1.0000\t0.0020\tone - two" in text  # 2 of 2^10 flips
    record = json.loads(out["record"].read_text())
    assert set(record["sha256"]) == {str(files / name) for name in ("one", "two", "qrels.txt")}
    assert len(pyarrow.parquet.read_table(out["per-query"])) == 20
    assert (out["plots"] / "precision-recall.svg").is_file()
    code, text, _ = run(*arguments, "--json")
    assert json.loads(text)["systems"]["one"]["measures"]["map"] == 1


def test_what_does_not_fit_is_said(files, run):
    arguments = ["compare", files / "one", "--qrels", files / "one"]
    code, _, err = run(*arguments)
    assert code == 1
    assert "expected 4 columns, as in 'query 0 photo grade'; got 6" in err
    arguments[-1] = files / "qrels.txt"
    code, _, err = run(*arguments, "--measures", "f1")
    assert code == 1
    assert "Expected a measure of map" in err
