from xml.etree import ElementTree

import numpy as np
import pytest

from semsig.datasets.trec import Run
from semsig.errors import OptionError
from semsig.evaluate import measure
from semsig.evaluate.hearing import FirstHits
from semsig.evaluate.runs import measure_run
from semsig.report.plots import class_plot, precision_recall_plot
from semsig.report.worst import worst_page
from tests.evaluate.test_evaluate import pets, write

SVG = "{http://www.w3.org/2000/svg}"


def test_curves_start_and_end_where_precision_does():
    run = Run(name="s", rankings={"q": ("a", "x", "b")})
    result = measure_run(run, {"q": {"a": 1, "b": 1}})
    drawn = ElementTree.fromstring(precision_recall_plot({"<one> & other": result}))
    (line,) = drawn.iter(f"{SVG}polyline")
    points = [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
    assert len(points) == 101
    heights = [(376 - y) / 360 for _, y in points]  # 16 above, 360 high
    assert heights[0] == pytest.approx(1)
    assert heights[-1] == pytest.approx(2 / 3, abs=1e-4)
    assert "<one> & other" in [text.text for text in drawn.iter(f"{SVG}text")]


@pytest.fixture
def measured(tmp_path):
    for name in ("cat/1", "cat/2<b>", "dog/3", "dog/4"):
        write(tmp_path, name, [[1, 2], [3, 0]])
    dataset = pets(tmp_path)
    photos = dataset.scan(tmp_path)
    first = FirstHits(3)
    # cats are near each other; dogs are nearer to cats than to each other
    far = np.array([[0, 1, 5, 6], [1, 0, 5, 6], [1, 2, 0, 6], [1, 2, 6, 0]], np.float32)
    return measure(dataset, photos, lambda asked: far[asked], hear=first), photos, first


def test_bars_are_as_long_as_the_classes_measures(measured):
    result, _, _ = measured
    drawn = ElementTree.fromstring(class_plot({"s": result, "t": result}))
    bars = [
        float(bar.get("width")) for bar in drawn.iter(f"{SVG}rect") if bar.get("height") == "11"
    ]
    cat, dog = result.per_class["cat"]["map"], result.per_class["dog"]["map"]
    assert bars == pytest.approx([360 * v for v in (cat, cat, dog, dog)], abs=0.01)
    with pytest.raises(OptionError, match="Expected classes"):
        class_plot({"s": result}, "ndcg@7")


def test_the_worst_queries_come_first_with_what_they_found(measured, tmp_path):
    result, photos, first = measured
    page = worst_page(result, photos, first, count=2)
    rows = page.split("<section>")[1:]
    assert len(rows) == 2
    assert "dog/3.png" in rows[0]
    assert "dog/4.png" in rows[1]
    assert [rows[0].count(f'class="{kind}"') for kind in ("query", "right", "wrong")] == [1, 1, 2]
    whole = worst_page(result, photos, first, measure="anmrr")
    assert "cat/2&lt;b&gt;.png" in whole
    assert "<b>" not in whole


def test_a_photo_that_is_gone_is_said_to_be(measured, tmp_path):
    result, photos, first = measured
    (tmp_path / "dog" / "3.png").unlink()
    assert "3.png" in worst_page(result, photos, first)
