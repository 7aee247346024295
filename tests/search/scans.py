"""Laws that every exact scan obeys, for the tests of each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semsig import ClassTable, LabelMap, SbsBatch, SbsSchema, SbsSignature
from semsig.errors import OptionError, SchemaMismatchError
from semsig.signatures.sbs.encoding import sbs_batch
from semsig.types import metrics
from tests.reference import hamming as reference
from tests.search.batches import batches

METRICS = list(metrics.METRICS)
SMALL = SbsSchema(1, ClassTable("abc"))
WIDE = SbsSchema(4, ClassTable([str(c) for c in range(300)]))


def pairs(distances, rows):
    return [(float(d), int(r)) for d, r in zip(distances, rows, strict=True)]


class ScanLaws:
    scan = None

    @pytest.mark.parametrize("metric", METRICS)
    @settings(max_examples=25)
    @given(data=st.data(), k=st.integers(1, 12))
    def test_as_by_definition(self, metric, data, k):
        rows, queries = data.draw(batches(SMALL)), data.draw(batches(SMALL, 3))
        mask = st.none() | st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))
        drawn = data.draw(mask)
        allowed = None if drawn is None else np.array(drawn, np.bool_)
        distances, found = self.scan(rows).search(queries, k, metric=metric, allowed=allowed)
        assert distances.shape == found.shape == (len(queries), k)
        assert distances.dtype == (np.int32 if metric == "hamming" else np.float32)
        assert distances.dtype == metrics.METRICS[metric].dtype
        for q, query in enumerate(queries):
            expected = reference.search(rows, SbsBatch.of([query]), k, metric, allowed)
            assert pairs(distances[q], found[q]) == expected

    @pytest.mark.parametrize("metric", METRICS)
    @settings(max_examples=15)
    @given(data=st.data(), radius=st.sampled_from([0, 0.3, 0.5, 1, 7]))
    def test_radius_keeps_what_is_within(self, metric, data, radius):
        rows, queries = data.draw(batches(SMALL)), data.draw(batches(SMALL, 2))
        answers = self.scan(rows).search_radius(queries, radius, metric=metric)
        assert len(answers) == len(queries)
        for query, answer in zip(queries, answers, strict=True):
            every = reference.search(rows, SbsBatch.of([query]), len(rows), metric)
            assert pairs(*answer) == [
                pair for pair in every if np.float32(pair[0]) <= np.float32(radius)
            ]

    def test_worked_by_hand(self):
        half = SbsSignature([0 * 4 + 1], SMALL)
        whole_and_trace = SbsSignature([0 * 4 + 3, 1 * 4 + 0], SMALL)
        rows, query = SbsBatch.of([whole_and_trace, half]), SbsBatch.of([half])
        distances, found = self.scan(rows).search(query, 2)
        assert (distances.tolist(), found.tolist()) == ([[0, 2 + 2]], [[1, 0]])
        distances, found = self.scan(rows).search(query, 2, metric="tanimoto")
        assert (distances.tolist(), found.tolist()) == ([[0, np.float32(1 - 3 / 7)]], [[1, 0]])
        distances, found = self.scan(rows).search(query, 2, metric="jaccard")
        assert (distances.tolist(), found.tolist()) == ([[0, 0.5]], [[1, 0]])
        distances, found = self.scan(rows).search(query, 2, metric="containment")
        assert (distances.tolist(), found.tolist()) == ([[0, 0]], [[0, 1]])
        distances, _ = self.scan(rows).search(
            SbsBatch.of([whole_and_trace]), 2, metric="containment"
        )
        assert distances.tolist() == [[0, np.float32(1 - 3 / 7)]]

    @pytest.mark.parametrize("metric", ["jaccard", "containment"])
    def test_of_empty_signatures(self, metric):
        empty, full = SbsSignature([], SMALL), SbsSignature([3, 4], SMALL)
        rows, queries = SbsBatch.of([full, empty]), SbsBatch.of([empty, full])
        distances, found = self.scan(rows).search(queries, 2, metric=metric)
        expected = {"jaccard": [[0, 1], [0, 1]], "containment": [[0, 0], [0, 1]]}[metric]
        assert distances.tolist() == expected
        assert found.tolist() == [[1, 0] if metric == "jaccard" else [0, 1], [0, 1]]

    @pytest.mark.parametrize("metric", METRICS)
    def test_itself_is_at_exactly_zero_and_distance_is_symmetric(self, metric):
        maps = label_maps(12)
        batch = sbs_batch(maps, levels=1)
        distances, rows = self.scan(batch).search(batch, len(batch), metric=metric)
        assert (distances[:, 0] == 0).all()
        matrix = np.take_along_axis(distances, np.argsort(rows, axis=1), axis=1)
        assert (np.diag(matrix) == 0).all()
        if metric == "containment":
            return
        np.testing.assert_array_equal(matrix, matrix.T)

    @pytest.mark.parametrize("metric", METRICS)
    def test_mirroring_both_sides_changes_no_distance(self, metric):
        maps = label_maps(8)
        straight = sbs_batch(maps, levels=2)
        mirrored = sbs_batch([m.flipped() for m in maps], levels=2)
        expected = self.scan(straight).search(straight, 8, metric=metric)
        found = self.scan(mirrored).search(mirrored, 8, metric=metric)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])

    @pytest.mark.parametrize("metric", METRICS)
    def test_wide_tables_of_32_bit_cells(self, metric):
        maps = label_maps(9, n_classes=300, side=32)
        batch = sbs_batch(maps, levels=4)
        assert batch.schema.fingerprint == WIDE.fingerprint
        rows, queries = SbsBatch.of(list(batch)[:6]), SbsBatch.of(list(batch)[6:])
        distances, found = self.scan(rows).search(queries, 6, metric=metric)
        assert [pairs(d, r) for d, r in zip(distances, found, strict=True)] == [
            reference_dense(rows, query, metric) for query in queries
        ]

    def test_refuses_what_it_cannot_answer(self):
        scan, queries = self.scan(SbsBatch.of([], SMALL)), SbsBatch.of([], SMALL)
        with pytest.raises(OptionError, match="k is an integer >= 1"):
            scan.search(queries, 0)
        with pytest.raises(OptionError, match="metric"):
            scan.search(queries, 1, metric="cosine")
        with pytest.raises(OptionError, match="allowed"):
            scan.search(queries, 1, allowed=np.ones(3, np.bool_))
        with pytest.raises(SchemaMismatchError):
            scan.search(SbsBatch.of([], WIDE), 1)


def reference_dense(rows, query, metric):
    """As reference.search for few set bits: on sets of positions instead of bit strings."""
    if metric in ("jaccard", "containment"):
        return reference.search(rows, SbsBatch.of([query]), len(rows), metric)
    sets = [set(np.flatnonzero(bits).tolist()) for bits in reference.bits_of(rows)]
    (wanted,) = (set(np.flatnonzero(b).tolist()) for b in reference.bits_of(SbsBatch.of([query])))
    if metric == "hamming":
        return sorted((float(len(s ^ wanted)), row) for row, s in enumerate(sets))
    flat = metric == "tanimoto"
    frequency = {bit: sum(bit in s for s in sets) for bit in set().union(wanted, *sets)}
    weight = {
        bit: 1 if flat else round(np.log(len(sets) / max(f, 1)) * 65536)
        for bit, f in frequency.items()
    }
    shared = [sum(weight[b] for b in s & wanted) for s in sets]
    union = [sum(weight[b] for b in s | wanted) for s in sets]
    return sorted(
        (float(np.float32(1 - i / u)) if u else 0.0, row)
        for row, (i, u) in enumerate(zip(shared, union, strict=True))
    )


def label_maps(count, n_classes=3, side=8):
    """Square maps of 2 x 2 patches with a little void."""
    rng = np.random.default_rng(5)
    table = ClassTable([str(c) for c in range(n_classes)])
    coarse = rng.integers(0, n_classes + 1, (count, side // 2, side // 2))
    coarse[coarse == n_classes] = table.void
    return [LabelMap(np.kron(c, np.ones((2, 2), np.int64)), table) for c in coarse]
