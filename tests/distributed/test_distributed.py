"""Shards that Dask's workers build and search are as one index, also where workers are killed."""

import os
import shutil
import signal
import threading
import time
from uuid import uuid4

import numpy as np
import pytest

from semsig import ClassTable, Engine, HammingIndex, SbsSchema
from semsig.distributed import ShardedIndex, ShardingOptions, index
from semsig.distributed.copying import SHARDS
from semsig.distributed.layout import ID_BITS, ShardFolder
from semsig.errors import (
    DuplicateIdError,
    IndexFormatError,
    OptionError,
    SchemaMismatchError,
    UnknownIdError,
)
from semsig.photo import PhotoRecord
from semsig.search import PooledIndex, Reranker
from semsig.search.options import ExpandOptions, RerankOptions
from semsig.types.metrics import METRICS
from tests.interop.test_terms import pooled_of
from tests.search.batches import random_batch

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,  # processes are started; kernels are tested elsewhere
    # sockets that Dask leaves to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SCHEMA = SbsSchema(2, ClassTable("abcdef"))


def made(folder, parts, **how):
    """A folder of shards, one of them empty, and one index over all of their rows."""
    layout = ShardFolder.create(folder, len(parts) + 1)
    whole = HammingIndex(SCHEMA)
    for number, part in enumerate(parts):
        shard = HammingIndex(SCHEMA, first_id=number << ID_BITS)
        ids = shard.add(part, payloads=[f"{number} {row}" for row in range(len(part))])
        shard.save(layout.shard(number))
        whole.add(part, ids, payloads=list(shard.payloads))
    return whole


@pytest.fixture(params=["here", "workers"])
def client(request):
    return request.getfixturevalue("cluster") if request.param == "workers" else None


@pytest.fixture
def shards(tmp_path, client):
    parts = [random_batch(rows, SCHEMA, seed, 6) for seed, rows in enumerate((50, 1, 80, 33))]
    whole = made(tmp_path / "shards", parts)
    return ShardedIndex.open(tmp_path / "shards", client=client), whole


def assert_same(one, other):
    for part, expected in zip(one, other, strict=True):
        assert part.dtype == expected.dtype
        np.testing.assert_array_equal(part, expected)


def test_shards_answer_as_one_index(shards):
    sharded, whole = shards
    queries = random_batch(4, SCHEMA, 9, 6)
    some = whole.ids[::3]
    assert len(sharded) == len(whole)
    assert sharded.ids.tolist() == whole.ids.tolist()
    assert list(sharded.payloads) == list(whole.payloads)
    for metric in METRICS:
        for k, among in ((7, None), (400, None), (5, some), (5, whole.ids[:2])):
            how = {"metric": metric, "filter_ids": among}
            assert_same(sharded.search(queries, k, **how), whole.search(queries, k, **how))
        for found, expected in zip(
            sharded.search_radius(queries, 0.8, metric=metric),
            whole.search_radius(queries, 0.8, metric=metric),
            strict=True,
        ):
            assert_same(found, expected)
    id_ = int(whole.ids[60])
    assert sharded.signature(id_) == whole.signature(id_)
    assert sharded.payload(id_) == whole.payload(id_)


def test_changes_go_to_shards_and_are_seen(shards):
    sharded, whole = shards
    queries, new = random_batch(3, SCHEMA, 9, 6), random_batch(12, SCHEMA, 10, 6)
    sharded.search(queries, 5, metric="tanimoto-idf")
    before = sharded.content
    ids = sharded.add(new, payloads=["new"] * 12)
    assert sharded.content != before
    assert (ids >> ID_BITS).tolist() == [1] * 12  # the smallest
    sharded.remove([int(whole.ids[3]), int(ids[2]), int(whole.ids[-1])])
    sharded.replace(
        [int(ids[0]), int(whole.ids[5])], random_batch(2, SCHEMA, 11, 6), payloads=["a", "b"]
    )
    assert [sharded.payload(int(id_)) for id_ in (ids[0], whole.ids[5])] == ["a", "b"]
    sharded.compact()
    anew = HammingIndex(SCHEMA)
    anew.add(sharded.to_batch()[1], sharded.ids)
    assert len(anew) == len(whole) + 12 - 3
    for metric in METRICS:
        assert_same(
            sharded.search(queries, 9, metric=metric), anew.search(queries, 9, metric=metric)
        )
    folder = sharded._folder
    other = ShardedIndex.open(folder.where)
    other.add(new[:1])
    assert sharded.refresh()
    assert not sharded.refresh()
    assert len(sharded) == len(other)


@pytest.mark.parametrize("options", [RerankOptions(k1=5, k2=2, depth=20), ExpandOptions(depth=20)])
def test_reranking_over_shards_is_exact(shards, options):
    sharded, whole = shards
    queries = random_batch(4, SCHEMA, 9, 6)
    found = Reranker(sharded, options, metric="tanimoto-idf").search(queries, 9)
    assert_same(found, Reranker(whole, options, metric="tanimoto-idf").search(queries, 9))


def test_wrong_questions_are_named(shards):
    sharded, whole = shards
    query = random_batch(1, SCHEMA, 9, 6)
    with pytest.raises(UnknownIdError, match="in no shard"):
        sharded.search(query, 3, filter_ids=[5 << ID_BITS])
    with pytest.raises(UnknownIdError):
        sharded.remove([int(whole.ids[0]), 5 << ID_BITS])
    assert len(sharded) == len(whole)
    with pytest.raises(DuplicateIdError):
        sharded.add(query, [int(whole.ids[0])])
    with pytest.raises(OptionError, match="k is an integer"):
        sharded.search(query, 0)
    with pytest.raises(OptionError, match="Expected a metric"):
        sharded.search(query, 3, metric="nosuch")
    with pytest.raises(OptionError, match="Expected a shard of"):
        sharded.add(query, shard=9)
    with pytest.raises(SchemaMismatchError):
        sharded.search(random_batch(1, SbsSchema(1, SCHEMA.classes), 1, 4), 3)
    with pytest.raises(OptionError, match="a fusion of several chooses candidates"):
        ShardedIndex.open(sharded._folder.where, signature="fused")


def test_pooled_descriptors_are_searched_as_well(tmp_path, cluster):
    made(tmp_path / "shards", [random_batch(20, SCHEMA, seed, 6) for seed in (1, 2)])
    layout = ShardFolder.open(tmp_path / "shards")
    whole = None
    for number in range(2):
        ids = HammingIndex.open(layout.shard(number)).ids
        part = pooled_of(ids)
        part.save(f"{layout.shard(number)}/pooled")
        whole = whole or PooledIndex(part.schema)
        whole.add(part.to_batch()[1], ids)
    sharded = ShardedIndex.open(tmp_path / "shards", client=cluster, signature="pooled")
    query = [whole.signature(int(whole.ids[5]))]
    assert_same(sharded.search(query, 7), whole.search(query, 7))


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 100_000,
        b"[]",
        b'{"format": "semsig-shards", "version": 1}',
        b'{"format": "semsig-shards", "version": 2, "shards": 2, "has_moves": false}',
        b'{"format": "semsig-shards", "version": 1, "shards": 1e18, "has_moves": false}',
        b'{"format": "semsig-shards", "version": 1, "shards": NaN, "has_moves": false}',
        b'{"format": "semsig-shards", "version": 1, "shards": 65537, "has_moves": false}',
        b'{"format": "semsig-shards", "version": 1, "shards": "2", "has_moves": 0}',
        b'{"format": "semsig-shards", "version": 1, "shards": 2, "has_moves": 0}',
    ],
)
def test_what_is_no_description_of_shards_is_named(tmp_path, document):
    (tmp_path / SHARDS).write_bytes(document)
    with pytest.raises(IndexFormatError, match=r"folder of shards with shards\.json"):
        ShardFolder.open(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_pipes_in_folders_of_shards_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / SHARDS)
    with pytest.raises(IndexFormatError, match="not a regular file"):
        ShardFolder.open(tmp_path)


def test_folders_that_are_none_are_named(tmp_path):
    with pytest.raises(IndexFormatError, match=r"folder of shards with shards\.json"):
        ShardedIndex.open(tmp_path)
    (tmp_path / "letter.txt").touch()
    with pytest.raises(IndexFormatError, match=r"holds letter\.txt"):
        ShardFolder.create(tmp_path, 2)
    ShardFolder.create(tmp_path / "new", 2)
    with pytest.raises(OptionError, match="Expected 2 shards"):
        ShardFolder.create(tmp_path / "new", 3)
    with pytest.raises(OptionError, match="a number of shards"):
        ShardFolder.create(tmp_path / "other", None)
    with pytest.raises(OptionError, match="Expected 1 to 65,536 shards"):
        ShardFolder.create(tmp_path / "other", 0)
    with pytest.raises(IndexFormatError, match="an index in some shard"):
        ShardedIndex.open(tmp_path / "new")


def test_a_killed_worker_loses_no_answer(tmp_path, cluster):
    whole = made(tmp_path / "shards", [random_batch(40, SCHEMA, seed, 6) for seed in range(4)])
    sharded = ShardedIndex.open(tmp_path / "shards", client=cluster)
    queries = random_batch(3, SCHEMA, 9, 6)
    how = {"metric": "tanimoto-idf"}
    expected = whole.search(queries, 9, **how)
    assert_same(sharded.search(queries, 9, **how), expected)
    kill_a_worker(cluster)
    assert_same(sharded.search(queries, 9, **how), expected)
    stop = threading.Timer(0.3, kill_a_worker, [cluster])
    stop.start()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert_same(sharded.search(queries, 9, **how), expected)
    stop.join()


def test_asking_workers_takes_little(tmp_path, cluster):
    """Less than 10 ms for 4 shards on 2 workers; the least of many, the rest is others'."""
    if os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip("others use this machine")
    made(tmp_path / "shards", [random_batch(1, SCHEMA, seed, 6) for seed in range(4)])
    sharded = ShardedIndex.open(tmp_path / "shards", client=cluster)
    queries, taken = random_batch(1, SCHEMA, 9, 6), []
    for _ in range(80):
        started = time.perf_counter()
        sharded.search(queries, 10)
        taken.append(time.perf_counter() - started)
    assert min(taken) < 0.010


def kill_a_worker(client):
    pids = [nanny.pid for nanny in client.cluster.workers.values() if nanny.pid]
    if pids:  # none while all are being started anew
        os.kill(pids[0], signal.SIGKILL)


def records(folder):
    """Path of each photo and its signature's cells, over all shards."""
    sharded = ShardedIndex.open(folder)
    texts, (_, batch) = list(sharded.payloads), sharded.to_batch()
    paths = [PhotoRecord.from_json(text).path for text in texts]
    assert len(set(paths)) == len(paths)
    return {path: row.cells.tolist() for path, row in zip(paths, batch, strict=True)}


@pytest.fixture(scope="module")
def expected(photos, tmp_path_factory):
    engine = Engine.create(None, segmenter=f"files:{photos[0].parent.parent / 'maps'}")
    engine.add(photos)
    return {
        PhotoRecord.from_json(text).path: row.cells.tolist()
        for text, row in zip(engine.index.payloads, engine.index.to_batch()[1], strict=True)
    }


def test_photos_are_indexed_in_shards(photos, segmenter, expected, tmp_path, cluster):
    options, seen = ShardingOptions(segmenter=segmenter, part=5), []
    report = index(
        photos,
        tmp_path / "shards",
        client=cluster,
        shards=3,
        options=options,
        progress=lambda *done: seen.append(done),
    )
    assert (report.added, report.unchanged, report.skipped) == (40, 0, ())
    assert seen[-1] == (40, 40)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert records(tmp_path / "shards") == expected
    again = index(photos, tmp_path / "shards", client=cluster, options=options)
    assert (again.added, again.unchanged) == (0, 40)
    sharded = ShardedIndex.open(tmp_path / "shards", client=cluster)
    assert min(sharded.rows_by_shard.values()) > 5
    assert {id_ >> ID_BITS for id_ in sharded.ids.tolist()} == {0, 1, 2}
    with pytest.raises(SchemaMismatchError):
        index(
            photos,
            tmp_path / "shards",
            client=cluster,
            options=ShardingOptions(segmenter=segmenter, levels=2),
        )


def test_killed_workers_lose_nothing(photos, segmenter, expected, tmp_path, cluster):
    """Workers are killed again and again while they index; the run ends with all photos."""
    stop = threading.Event()

    def kill():
        for _ in range(3):
            if stop.wait(0.4):
                return
            kill_a_worker(cluster)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        options = ShardingOptions(segmenter=segmenter, part=2)
        report = index(photos, tmp_path / "shards", client=cluster, shards=3, options=options)
    finally:
        stop.set()
        killer.join()
    assert report.added + report.unchanged >= 40
    assert records(tmp_path / "shards") == expected
    for number in range(3):
        assert HammingIndex.open(ShardFolder.open(tmp_path / "shards").shard(number)).verify().ok


def test_an_interrupted_run_is_taken_up(photos, segmenter, expected, tmp_path, cluster):
    options = ShardingOptions(segmenter=segmenter, part=4)

    def stop(done, total):
        if done >= total // 2:
            raise KeyboardInterrupt

    how = {"client": cluster, "shards": 3, "options": options}
    with pytest.raises(KeyboardInterrupt):
        index(photos, tmp_path / "shards", progress=stop, **how)
    report = index(photos, tmp_path / "shards", **how)
    assert report.unchanged >= 16
    assert report.added + report.unchanged == 40
    assert records(tmp_path / "shards") == expected


def test_files_that_are_no_photos_are_reported(photos, segmenter, tmp_path, cluster):
    shutil.copy(photos[0], tmp_path / "other.png")
    options = ShardingOptions(segmenter=segmenter)
    report = index(
        [*photos[:3], tmp_path / "other.png"],
        tmp_path / "shards",
        client=cluster,
        shards=2,
        options=options,
    )
    assert report.added == 3
    assert [photo.reason for photo in report.skipped] == ["no-label-map"]


@pytest.fixture
def threads():
    """A worker in this process, which sees the same memory:// as the test."""
    import distributed

    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=2, dashboard_address=":0"
    ) as client:
        yield client


def test_photos_and_shards_may_be_elsewhere(photos, segmenter, expected, tmp_path, threads):
    """Both in memory://, indexed twice, a photo changed and one gone in between."""
    import fsspec

    memory, root = fsspec.filesystem("memory"), f"/{uuid4()}"
    urls = {f"memory://{root[1:]}/photos/{path.name}": path for path in photos[:12]}
    for url, path in urls.items():
        memory.pipe_file(url.removeprefix("memory:/"), path.read_bytes())
    folder, options = f"memory://{root[1:]}/shards", ShardingOptions(segmenter=segmenter, part=5)
    how = {"client": threads, "shards": 2, "options": options}
    report = index(urls, folder, **how)
    assert (report.added, report.unchanged, report.skipped) == (12, 0, ())
    assert records(folder) == {url: expected[str(path)] for url, path in urls.items()}
    (changed, gone), rest = list(urls)[:2], list(urls)[2:]
    memory.pipe_file(changed.removeprefix("memory:/"), photos[0].read_bytes() + b"longer")
    memory.rm_file(gone.removeprefix("memory:/"))
    report = index(urls, folder, **how)
    assert (report.added, report.replaced, report.unchanged) == (0, 1, 10)
    assert [(photo.path, photo.reason, photo.kept) for photo in report.skipped] == [
        (gone, "unreadable", True)
    ]
    assert len(records(folder)) == len(rest) + 2
    sharded = ShardedIndex.open(folder)
    ids = sharded.add(sharded.signature(int(sharded.ids[0])), payloads=["more"])
    again = ShardedIndex.open(folder)
    assert again.payload(int(ids[0])) == "more"


@pytest.mark.parametrize("option", [{"segmenter": None}, {"levels": 9}, {"part": 0}])
def test_options_out_of_range(option):
    with pytest.raises(OptionError, match=r"Expected .*got"):
        ShardingOptions(**option)
