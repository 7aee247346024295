from typing import get_args

import pytest

from semsig.errors import OptionError
from semsig.types.metrics import METRICS, Metric, metric_named, print_distance


def test_the_type_and_the_table_name_the_same_metrics():
    assert tuple(METRICS) == get_args(Metric)
    assert all(metric_named(name) is entry for name, entry in METRICS.items())


@pytest.mark.parametrize("name", ["cosine", None, ["hamming"]])
def test_other_names_are_refused(name):
    with pytest.raises(OptionError, match=r"Expected a metric of hamming, .*containment; got"):
        metric_named(name)


@pytest.mark.parametrize(
    ("distance", "metric", "text"),
    [
        (1038, "hamming", "1,038 bits"),
        (0.31, "tanimoto-idf", "0.310 tanimoto-idf"),
        (0.5, "containment", "0.500 containment"),
        (0.25, "fused", "0.250 fused"),
        (1.5, "L2", "1.500 L2"),
        (0.25, "1 - score", "0.750 score"),
    ],
)
def test_distances_are_printed_with_unit_or_name(distance, metric, text):
    assert print_distance(distance, metric) == text
