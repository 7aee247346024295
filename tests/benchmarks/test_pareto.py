import pytest

from benchmarks import pareto
from tests.evaluate.test_evaluate import write_random


def test_a_row_is_best_where_none_is_smaller_and_better():
    rows = [
        {"dataset": "a", "bytes": 100, "map": 0.5},
        {"dataset": "a", "bytes": 200, "map": 0.4},
        {"dataset": "a", "bytes": 300, "map": 0.6},
        {"dataset": "b", "bytes": 50, "map": 0.9},
    ]
    assert [pareto.best(row, rows) for row in rows] == [True, False, True, True]


@pytest.mark.slow
def test_every_signature_is_measured_and_sized(tmp_path):
    write_random(tmp_path, seed=0, count=6)
    rows = pareto.measure(str(tmp_path), ["lite"], ["sbs", "pooled"])
    assert [row["signature"] for row in rows] == ["sbs", "pooled"]
    assert all(row["bytes"] > 0 and row["seconds"] > 0 and row["photos"] == 6 for row in rows)
    assert "| lite | pooled | " in pareto.render(rows)
