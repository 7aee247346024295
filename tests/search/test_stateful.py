"""Random sequences of changes leave the index equal to a dictionary."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from unittest import mock

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from semsig.classes import ClassTable
from semsig.errors import DuplicateIdError, UnknownIdError
from semsig.search import HammingIndex, L2Index, scan_cache, verify_index
from semsig.types import SbovpSchema, SbovpSignature, SbsSchema, SbsSignature
from semsig.types.metrics import METRICS
from tests.reference import histogram_l2 as reference
from tests.search import batches
from tests.search.histograms import histograms, schema_of

SBS = SbsSchema(1, ClassTable(["a", "b", "c"]))
Ids = st.integers(0, 30)


class IndexMachine(RuleBasedStateMachine):
    """An index on disk, a second one reading it, one in memory, and a dictionary."""

    index: type[HammingIndex] | type[L2Index]
    schema: SbsSchema | SbovpSchema
    signatures: st.SearchStrategy

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model: dict[int, tuple[SbsSignature | SbovpSignature, str]] = {}
        self.small_scans = mock.patch.multiple(scan_cache, LEAST_ROWS=1, GROWTH=2)
        self.small_scans.start()

    @initialize()
    def create(self) -> None:
        self.memory = self.index(self.schema)
        self.memory.save(self.folder / "index")
        self.disk = self.index.open(self.folder / "index")
        self.reader = self.index.open(self.folder / "index")

    def both(self):
        return self.memory, self.disk

    def some_held(self, data, **kwargs) -> list[int]:
        held = st.sampled_from(sorted(self.model))
        return data.draw(st.lists(held, unique=True, min_size=1, max_size=4))

    @rule(data=st.data())
    def add(self, data) -> None:
        row = st.tuples(self.signatures, st.text(max_size=3))
        rows = data.draw(st.dictionaries(Ids, row, min_size=1, max_size=5))
        signatures, payloads = zip(*rows.values(), strict=True)
        for index in self.both():
            if rows.keys() & self.model.keys():
                with pytest.raises(DuplicateIdError):
                    index.add(signatures, list(rows), payloads=payloads)
            else:
                index.add(signatures, list(rows), payloads=payloads)
        if not rows.keys() & self.model.keys():
            self.model.update(rows)

    @rule(data=st.data())
    def add_numbered(self, data) -> None:
        signatures = data.draw(st.lists(self.signatures, min_size=1, max_size=20))
        given = [index.add(signatures).tolist() for index in self.both()]
        assert given[0] == given[1]
        assert not set(given[0]) & self.model.keys()
        self.model.update((id_, (row, "")) for id_, row in zip(given[0], signatures, strict=True))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data) -> None:
        ids = self.some_held(data)
        for index in self.both():
            index.remove(ids)
        for id_ in ids:
            del self.model[id_]

    @rule(ids=st.lists(Ids, unique=True, min_size=1, max_size=3))
    def remove_unknown(self, ids) -> None:
        if set(ids) - self.model.keys():
            for index in self.both():
                with pytest.raises(UnknownIdError):
                    index.remove(ids)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def replace(self, data) -> None:
        ids = self.some_held(data)
        rows = data.draw(st.lists(self.signatures, min_size=len(ids), max_size=len(ids)))
        for index in self.both():
            index.replace(ids, rows, payloads=["new"] * len(ids))
        for id_, row in zip(ids, rows, strict=True):
            del self.model[id_]
            self.model[id_] = row, "new"

    @rule()
    def compact(self) -> None:
        for index in self.both():
            index.compact()

    @rule()
    def reopen(self) -> None:
        self.disk = self.index.open(self.folder / "index")

    @rule()
    def copy_to_memory_and_back(self) -> None:
        self.memory.save(self.folder / "index")
        self.disk.refresh()

    @invariant()
    def equal_to_the_model(self) -> None:
        if not hasattr(self, "disk"):
            return
        self.reader.refresh()
        for index in (*self.both(), self.reader):
            assert index.ids.tolist() == list(self.model)
            assert list(index.payloads) == [payload for _, payload in self.model.values()]
            assert all(index.signature(id_) == row for id_, (row, _) in self.model.items())

    def teardown(self) -> None:
        self.small_scans.stop()
        if hasattr(self, "disk"):
            assert verify_index(self.folder / "index").ok
        shutil.rmtree(self.folder)


class HammingMachine(IndexMachine):
    index, schema = HammingIndex, SBS
    signatures = batches.signatures(SBS)

    @rule(query=signatures, k=st.integers(1, 5))
    def search(self, query, k) -> None:
        bits = np.unpackbits(query.to_bits())
        near = [
            (int((np.unpackbits(row.to_bits()) != bits).sum()), order, id_)
            for order, (id_, (row, _)) in enumerate(self.model.items())
        ]
        expected = [(d, id_) for d, _, id_ in sorted(near)][:k]
        expected += [(-1, -1)] * (k - len(expected))
        every = *self.both(), self.reader
        for index, engine in zip(every, ["bounded", "dense", "auto"], strict=True):
            distances, ids = index.search(query, k, scan=engine)
            assert list(zip(distances[0], ids[0], strict=True)) == expected

    @precondition(lambda self: self.model)
    @rule(query=signatures, metric=st.sampled_from(list(METRICS)), data=st.data())
    def search_as_an_index_built_anew(self, query, metric, data) -> None:
        within = data.draw(st.none() | st.lists(st.sampled_from(sorted(self.model)), max_size=9))
        new = HammingIndex(SBS)
        new.add([row for row, _ in self.model.values()], list(self.model))
        expected = new.search(query, 9, metric=metric, filter_ids=within)
        for index in self.both():
            found = index.search(query, 9, metric=metric, filter_ids=within)
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_array_equal(found[1], expected[1])
            radius = max(0, float(expected[0][0, 3]))
            near = index.search_radius(query, radius, metric=metric, filter_ids=within)
            every = new.search_radius(query, radius, metric=metric, filter_ids=within)
            np.testing.assert_array_equal(near, every)


class L2Machine(IndexMachine):
    index, schema = L2Index, schema_of("sqrt")
    signatures = histograms(schema)

    @rule(query=signatures, k=st.integers(1, 5), data=st.data())
    def search(self, query, k, data) -> None:
        within = None
        if self.model:
            some = st.sets(st.sampled_from(sorted(self.model)), max_size=9)
            within = data.draw(st.none() | some)
        allowed = None if within is None else [id_ in within for id_ in self.model]
        ids = [*self.model, -1]
        rows = [row for row, _ in self.model.values()]
        near = reference.search(rows, query, k, allowed)
        for index in self.both():
            distances, found = index.search(query, k, filter_ids=within)
            pairs = list(zip(distances[0].tolist(), found[0].tolist(), strict=True))
            assert pairs == [(d, ids[row]) for d, row in near]
            radius = float(max(distances[0].max(), 0))
            for d, id_ in zip(
                *index.search_radius(query, radius, filter_ids=within)[0], strict=True
            ):
                assert d <= radius
                assert id_ in self.model


RUN = settings(max_examples=15, stateful_step_count=20)


class TestHammingIndex(HammingMachine.TestCase):
    settings = RUN


class TestL2Index(L2Machine.TestCase):
    settings = RUN
