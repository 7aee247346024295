"""Segments move between shards: nothing is lost, also where a run is killed on its way."""

import json

import numpy as np
import pytest

from semsig import ClassTable, HammingIndex, PooledIndex, SbsSchema
from semsig.distributed import ShardedIndex, ShardingOptions, index, rebalance
from semsig.distributed import rebalancing as module
from semsig.distributed.layout import ID_BITS, ShardFolder
from semsig.errors import IndexCorruptError, IndexFormatError, OptionError
from tests.distributed.test_distributed import records
from tests.interop.test_terms import pooled_of
from tests.search.batches import random_batch

pytest.importorskip("fsspec")
pytestmark = [
    pytest.mark.slow,  # processes are started; kernels are tested elsewhere
    # sockets that Dask leaves to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SCHEMA = SbsSchema(2, ClassTable("abcdef"))


@pytest.fixture
def skewed(tmp_path):
    """64 + 32 + 16 rows in the first of three shards, 4 in the second, none in the third."""
    layout = ShardFolder.create(tmp_path / "shards", 3)
    for number, sizes in ((0, (64, 32, 16)), (1, (4,))):
        HammingIndex(SCHEMA, first_id=number << ID_BITS).save(layout.shard(number))
        shard = HammingIndex.open(layout.shard(number))
        for size in sizes:
            batch = random_batch(size, SCHEMA, size, 6)
            shard.add(batch, payloads=[f"{size} {row}" for row in range(size)])
        pooled_of(shard.ids[::2]).save(f"{layout.shard(number)}/pooled")
    return tmp_path / "shards"


def content(folder):
    """Cells, payload and pooled codes of each id."""
    sharded, codes = ShardedIndex.open(folder), {}
    layout = ShardFolder.open(folder)
    for number in range(layout.shards):
        if layout.exists(number):
            pooled = PooledIndex.open(f"{layout.shard(number)}/pooled")
            own = HammingIndex.open(layout.shard(number)).ids
            assert np.isin(pooled.ids, own).all()
            codes |= {int(i): pooled.signature(int(i)).codes.tolist() for i in pooled.ids}
    ids, batch = sharded.to_batch()
    assert len(set(ids.tolist())) == len(ids)
    rows = zip(ids.tolist(), batch, sharded.payloads, strict=True)
    return {id_: (row.cells.tolist(), text, codes.get(id_)) for id_, row, text in rows}


def test_shards_are_evened_out_and_nothing_is_lost(skewed):
    before = content(skewed)
    assert rebalance(skewed) == 2
    assert content(skewed) == before
    assert ShardedIndex.open(skewed).rows_by_shard == {0: 32, 1: 20, 2: 64}
    assert rebalance(skewed) == 0


@pytest.mark.parametrize("moment", ["added", "copied"])
def test_a_move_that_was_cut_short_is_ended(skewed, monkeypatch, moment):
    before = content(skewed)

    def stop(*_):
        raise KeyboardInterrupt

    if moment == "added":
        monkeypatch.setattr(module._Shards, "_end", stop)
    else:
        monkeypatch.setattr(module.Workspace, "send", stop)
    with pytest.raises(KeyboardInterrupt):
        rebalance(skewed)
    monkeypatch.undo()
    assert json.loads((skewed / "move.json").read_text())["source"] == 0
    rebalance(skewed)
    assert content(skewed) == before
    assert not (skewed / "move.json").exists()
    assert rebalance(skewed) == 0


def test_photos_are_found_where_they_are(photos, segmenter, tmp_path, cluster):
    options = ShardingOptions(segmenter=segmenter, part=3)
    folder = tmp_path / "shards"
    index(photos[:20], folder, client=cluster, shards=2, options=options)
    layout = ShardFolder.open(folder)
    shard = HammingIndex.open(layout.shard(0))
    first = HammingIndex.open(layout.shard(1))
    ids, batch, payloads = first.to_rows()
    shard.add(batch, np.array(ids), payloads=payloads)
    first.remove(np.array(ids))
    layout.note_moves()
    before = records(folder)
    report = index(photos[:20], folder, client=cluster, options=options)
    assert (report.added, report.unchanged) == (0, 20)
    assert records(folder) == before


def test_what_is_not_moved_is_named(tmp_path, skewed):
    (skewed / "shard-00000" / "sbovp").mkdir()
    with pytest.raises(OptionError, match="without visual phrases"):
        rebalance(skewed)
    with pytest.raises(IndexFormatError):
        rebalance(tmp_path)


@pytest.mark.parametrize(
    "note",
    [
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"source": 0, "target": 0}',
        b'{"source": 0, "target": 3}',
        b'{"source": -1, "target": 1}',
        b'{"source": true, "target": 2}',
    ],
)
def test_a_damaged_note_of_a_move_is_named_and_nothing_moves(skewed, note):
    before = ShardedIndex.open(skewed).ids
    (skewed / module.MOVE).write_bytes(note)
    with pytest.raises(IndexCorruptError, match=r"move\.json is damaged"):
        rebalance(skewed)
    np.testing.assert_array_equal(ShardedIndex.open(skewed).ids, before)
