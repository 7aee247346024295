"""Shards merged are as one index over all rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semsig
from semsig import ClassTable, HammingIndex, SbsBatch, SbsSchema
from semsig.errors import OptionError, SchemaMismatchError
from semsig.search import DocumentCounts, L2Index, Reranker
from semsig.types.metrics import METRICS
from tests.kinds import sbovp_kind
from tests.search.batches import batches, random_batch

SMALL = SbsSchema(1, ClassTable("abc"))
SCANS = ["auto", "bitmaps", "bounded", "postings", "dense"]


def index_of(batch, ids=None):
    index = HammingIndex(batch.schema)
    index.add(batch, ids)
    return index


def shards_and_whole(parts):
    """An index a part, and one over all rows whose ids say shard and row."""
    shards = [index_of(part) for part in parts]
    whole = index_of(
        SbsBatch.of([row for part in parts for row in part], SMALL),
        [100 * shard + row for shard, part in enumerate(parts) for row in range(len(part))],
    )
    return shards, whole


def as_whole(merged):
    return np.where(merged.ids < 0, -1, 100 * merged.shards + merged.ids)


@pytest.mark.parametrize("metric", list(METRICS))
@settings(max_examples=40)
@given(data=st.data(), k=st.integers(1, 9), radius=st.sampled_from([0, 0.4, 1, 6]))
def test_merged_shards_are_one_index(metric, data, k, radius):
    parts = data.draw(st.lists(batches(SMALL, 6), min_size=1, max_size=4))
    queries = data.draw(batches(SMALL, 3))
    shards, whole = shards_and_whole(parts)
    counts = DocumentCounts.total(shard.document_counts() for shard in shards)
    how = {"metric": metric, "counts": counts}
    merged = semsig.merge([shard.search(queries, k, **how) for shard in shards], k)
    distances, ids = whole.search(queries, k, metric=metric)
    assert merged.distances.dtype == distances.dtype
    np.testing.assert_array_equal(merged.distances, distances)
    np.testing.assert_array_equal(as_whole(merged), ids)
    found = semsig.merge_radius([shard.search_radius(queries, radius, **how) for shard in shards])
    for one, (distances, ids) in zip(
        found, whole.search_radius(queries, radius, metric=metric), strict=True
    ):
        np.testing.assert_array_equal(one.distances, distances)
        np.testing.assert_array_equal(as_whole(one), ids)


@given(data=st.data())
def test_document_counts_add_up(data):
    parts = data.draw(st.lists(batches(SMALL, 6), min_size=1, max_size=4))
    shards, whole = shards_and_whole(parts)
    total = DocumentCounts.total(shard.document_counts() for shard in shards)
    assert total.fingerprint == whole.document_counts().fingerprint
    assert total.rows == len(whole)
    empty = DocumentCounts.empty(SMALL)
    assert (empty + total).fingerprint == total.fingerprint


@pytest.mark.parametrize("scan", SCANS)
def test_counts_weigh_alike_in_every_scan(scan):
    rows, other = random_batch(60, SMALL, 1, 4), random_batch(200, SMALL, 2, 4)
    whole = index_of(SbsBatch.of([*rows, *other]))
    part = index_of(rows)
    counts = whole.document_counts()
    how = {"metric": "tanimoto-idf", "scan": scan}
    distances, ids = part.search(other[:5], 60, counts=counts, **how)
    expected = whole.search(other[:5], 60, filter_ids=range(60), metric="tanimoto-idf")
    np.testing.assert_array_equal(distances, expected[0])
    np.testing.assert_array_equal(ids, expected[1])
    assert (distances != part.search(other[:5], 60, **how)[0]).any()


def test_counts_follow_changes_of_the_index():
    rows, more = random_batch(40, SMALL, 3, 4), random_batch(10, SMALL, 4, 4)
    part = index_of(rows)
    counts = index_of(random_batch(90, SMALL, 5, 4)).document_counts()
    part.search(rows[:2], 5, metric="tanimoto-idf", counts=counts)
    part.add(more)
    part.remove(range(0, 40, 3))
    anew = index_of(part.to_batch()[1], part.ids)
    for weighed_by in (counts, part.document_counts()):
        answer = part.search(rows[:4], 9, metric="tanimoto-idf", counts=weighed_by)
        expected = anew.search(rows[:4], 9, metric="tanimoto-idf", counts=weighed_by)
        np.testing.assert_array_equal(answer[0], expected[0])
        np.testing.assert_array_equal(answer[1], expected[1])


def test_phrases_merge_as_well():
    kind = sbovp_kind()
    rows = [kind.make(seed) for seed in range(20)]
    shards = [L2Index(kind.schema) for _ in range(3)]
    for number, shard in enumerate(shards):
        shard.add(rows[number::3])
    whole = L2Index(kind.schema)
    order = [row for number in range(3) for row in range(number, 20, 3)]
    whole.add([rows[row] for row in order], order)
    merged = semsig.merge([shard.search(rows[:4], 7) for shard in shards], 7)
    distances, ids = whole.search(rows[:4], 7)
    np.testing.assert_array_equal(merged.distances, distances)
    np.testing.assert_array_equal(merged.ids * 3 + merged.shards, ids)


def test_an_answer_shorter_than_k_is_padded():
    shards = [index_of(random_batch(2, SMALL, seed, 4)) for seed in (1, 2)]
    queries = random_batch(1, SMALL, 3, 4)
    merged = semsig.merge([shard.search(queries, 2) for shard in shards], 6)
    assert merged.ids[0, 4:].tolist() == merged.shards[0, 4:].tolist() == [-1, -1]
    assert merged.distances[0, 4:].tolist() == [-1, -1]


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [(np.zeros((2, 3)), np.zeros((2, 4), np.int64))],
        [(np.zeros(3), np.zeros(3, np.int64))],
        [(np.zeros((q, 3)), np.zeros((q, 3), np.int64)) for q in (1, 2)],
        [(np.zeros((1, 3), d), np.zeros((1, 3), np.int64)) for d in ("f4", "i4")],
    ],
)
def test_answers_that_do_not_fit(answers):
    with pytest.raises(OptionError, match=r"Expected .*got"):
        semsig.merge(answers, 3)


def test_answers_to_other_queries_do_not_merge():
    with pytest.raises(OptionError, match=r"same queries, got \[1, 2\]"):
        semsig.merge_radius([[None], [None, None]])
    with pytest.raises(OptionError, match=r"got \[\]"):
        semsig.merge_radius([])


def test_counts_of_other_schemas_are_refused():
    index, other = HammingIndex(SMALL), HammingIndex(SbsSchema(2, ClassTable("abc")))
    query = random_batch(1, SMALL, 3, 4)
    with pytest.raises(SchemaMismatchError):
        index.search(query, 1, metric="tanimoto-idf", counts=other.document_counts())
    with pytest.raises(SchemaMismatchError):
        index.document_counts() + other.document_counts()
    with pytest.raises(OptionError, match="one shard"):
        DocumentCounts.total([])


@pytest.mark.parametrize(
    ("cells", "reached", "rows"),
    [
        ([0, 1], [[1, 1, 1, 1]], 1),
        ([1, 0], [[1, 1, 1, 1]] * 2, 1),
        ([12], [[1, 1, 1, 1]], 1),
        ([0], [[1, 2, 1, 1]], 2),
        ([0], [[3, 2, 1, 1]], 2),
        ([0], [[1, 1, 1, -1]], 2),
    ],
)
def test_counts_that_cannot_be(cells, reached, rows):
    with pytest.raises(OptionError):
        DocumentCounts(
            schema=SMALL, rows=rows, cells=np.array(cells), reached=np.array(reached, np.int64)
        )


def test_reranking_answers_of_one_shard_is_not_that_of_all():
    """Why merge knows no re-ranking: neighbours of all shards are needed; see ShardedIndex."""
    parts = [random_batch(30, SMALL, seed, 4) for seed in (1, 2)]
    shards, whole = shards_and_whole(parts)
    query = random_batch(1, SMALL, 9, 4)
    merged = semsig.merge([Reranker(shard).search(query, 5) for shard in shards], 5)
    assert (merged.distances != Reranker(whole).search(query, 5)[0]).any()
