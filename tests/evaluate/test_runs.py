"""Files that TREC's tools exchange, measured as trec_eval measures them (by ir-measures)."""

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig.datasets.trec import Run, qrels_lines, read_qrels, read_run, run_lines, token
from semsig.errors import DatasetError, OptionError
from semsig.evaluate.runs import measure_run, same_queries

ORACLE = {
    "map": "AP", "p@10": "P@10", "p@20": "P@20", "p@r": "Rprec", "recall@3": "R@3",
    "recall@100": "R@100", "ndcg": "nDCG", "ndcg@5": "nDCG@5", "mrr": "RR",
}  # fmt: skip

photos = st.sampled_from([f"p{n}" for n in range(25)])
grades = st.dictionaries(photos, st.integers(0, 3), min_size=1)
# scores that tie, also in float32 only (2^24 and its neighbour), are put in order by name
score = st.sampled_from([0.0, -1.5, 2.0, 16777216.0, 16777217.0, 1e-3])
found = st.dictionaries(photos, score, min_size=1)


def written(tmp, qrels, run):
    """Both as files, scores as they are given."""
    judged = tmp / "qrels.txt"
    judged.write_text("".join(f"{q} 0 {d} {g}\n" for q, of in qrels.items() for d, g in of.items()))
    ranked = tmp / "run.txt"
    ranked.write_text(
        "".join(f"{q} Q0 {d} 0 {s!r} mine\n" for q, of in run.items() for d, s in of.items())
    )
    return judged, ranked


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from("abc"), grades, min_size=1), st.data())
def test_every_measure_agrees_with_trec_eval(tmp_path_factory, qrels, data):
    asked = [q for q, of in qrels.items() if max(of.values()) > 0]
    if not asked:
        return
    run = {query: data.draw(found) for query in asked}
    judged, ranked = written(tmp_path_factory.mktemp("trec"), qrels, run)
    mine = measure_run(read_run(ranked), read_qrels(judged), measures=tuple(ORACLE))
    assert mine.queries == tuple(asked)
    measures = {name: ir_measures.parse_measure(theirs) for name, theirs in ORACLE.items()}
    evaluator = ir_measures.evaluator(
        list(measures.values()),
        ir_measures.read_trec_qrels(str(judged)),
    )
    theirs = {
        (str(each.measure), each.query_id): each.value
        for each in evaluator.iter_calc(ir_measures.read_trec_run(str(ranked)))
    }
    for name, measure in measures.items():
        expected = [theirs[str(measure), query] for query in asked]
        np.testing.assert_allclose(mine.scores[name], expected, atol=1e-12, err_msg=name)


@settings(max_examples=40)
@given(grades.filter(lambda of: max(of.values()) > 0), found)
def test_the_curve_is_trec_evals_interpolated_precision(tmp_path_factory, judgement, ranked):
    judged, run = written(tmp_path_factory.mktemp("curve"), {"q": judgement}, {"q": ranked})
    mine = measure_run(read_run(run), read_qrels(judged), measures=["map"])
    levels = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0]
    measures = [ir_measures.parse_measure(f"IPrec@{level}") for level in levels]
    theirs = ir_measures.calc_aggregate(
        measures, ir_measures.read_trec_qrels(str(judged)), ir_measures.read_trec_run(str(run))
    )
    expected = [theirs[measure] for measure in measures]
    found_there = [mine.curve[round(100 * level)] for level in levels]
    np.testing.assert_allclose(found_there, expected, atol=1e-12)


def test_a_run_that_is_written_is_read_back_in_its_order(tmp_path):
    rankings = {"my cat.jpg": ["b", "a", "100%"], "q": ["a"]}
    (tmp_path / "run").write_text("".join(run_lines("my system", rankings.items())))
    back = read_run(tmp_path / "run")
    assert back == Run(
        name="my%20system", rankings={"my%20cat.jpg": ("b", "a", "100%25"), "q": ("a",)}
    )
    (tmp_path / "qrels").write_text("".join(qrels_lines([("q", {"a": 2, "b c": -1})])))
    assert read_qrels(tmp_path / "qrels") == {"q": {"a": 2, "b%20c": -1}}


def test_junk_is_passed_over_and_missing_queries_score_worst():
    qrels = {"q": {"junk": -1, "good": 1}, "r": {"x": 1}, "none": {"x": 0}}
    run = Run(name="s", rankings={"q": ("junk", "good"), "stranger": ("x",)})
    result = measure_run(run, qrels, measures=["map", "anmrr"])
    assert result.queries == ("q", "r")
    assert result.scores["map"].tolist() == [1, 0]
    assert result.scores["anmrr"].tolist() == [0, 1]
    assert len(result.notes) == 2


def test_ukbench_counts_up_to_four():
    run = Run(name="s", rankings={"q": ("a", "b", "x", "c")})
    result = measure_run(run, {"q": dict.fromkeys("abcd", 1)}, measures=["hits@4"])
    assert result.measures["hits@4"] == 3


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("q Q0 a 1 1\n", "6 columns"),
        ("q Q0 a 1 one s\n", "number"),
        ("q Q0 a 1 nan s\n", "number"),
        ("q Q0 a 1 1 s\nq Q0 a 2 0 s\n", "line 2: a occurs twice"),
    ],
)
def test_runs_that_are_refused(tmp_path, text, what):
    (tmp_path / "run").write_text(text)
    with pytest.raises(DatasetError, match=what):
        read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "what"),
    [("q 0 a\n", "4 columns"), ("q 0 a high\n", "integer"), ("q 0 a 1\nq 0 a 0\n", "twice")],
)
def test_judgements_that_are_refused(tmp_path, text, what):
    (tmp_path / "qrels").write_text(text)
    with pytest.raises(DatasetError, match=what):
        read_qrels(tmp_path / "qrels")


def test_refuses_a_run_of_other_queries_unknown_measures_and_empty_names():
    run = Run(name="s", rankings={"other": ("a",)})
    with pytest.raises(DatasetError, match="other"):
        measure_run(run, {"q": {"a": 1}})
    for name in ("p@0", "p@x", "f1", "recall"):
        with pytest.raises(OptionError, match="Expected a measure"):
            measure_run(run, {"other": {"a": 1}}, measures=[name])
    with pytest.raises(OptionError, match="at least one"):
        measure_run(run, {"other": {"a": 1}}, measures=[])
    with pytest.raises(DatasetError, match="empty"):
        token("")


def test_systems_are_put_in_the_same_order_of_queries():
    rankings = {"q": ("a",), "r": ("b",)}
    run = Run(name="s", rankings=rankings)
    one = measure_run(run, {"q": {"a": 1}, "r": {"a": 1}})
    two = measure_run(run, {"r": {"a": 1}, "q": {"a": 1}})
    scores = same_queries({"one": one, "two": two}, "map")
    assert scores["one"].tolist() == scores["two"].tolist() == [1, 0]
    with pytest.raises(DatasetError, match="same queries"):
        same_queries({"one": one, "two": measure_run(run, {"q": {"a": 1}})}, "map")
