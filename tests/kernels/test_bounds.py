import pytest

from semsig import ClassTable, SbsBatch, SbsSchema
from semsig.search.bounded import BoundedScan
from tests.reference import hamming as reference
from tests.search.batches import random_batch
from tests.search.scans import METRICS, pairs


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("levels", [0, 2])
def test_nearest_as_by_definition(metric, levels):
    schema = SbsSchema(levels, ClassTable([str(c) for c in range(48 >> 2 * levels)]))
    rows, query = random_batch(60, schema, 1, 8), random_batch(1, schema, 2, 8)
    (distances,), (found,) = BoundedScan(rows).search(query, 9, metric=metric)
    assert pairs(distances, found) == reference.search(rows, SbsBatch.of(query), 9, metric)
