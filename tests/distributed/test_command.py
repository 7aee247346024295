"""The commands index and search over shards."""

import json

import pytest

from semsig import Engine
from semsig.distributed import search_photos
from semsig.errors import OptionError
from semsig.search.options import RerankOptions

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,  # processes are started; kernels are tested elsewhere
    # sockets that Dask leaves to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def folder(run, photos, segmenter, tmp_path, cluster):
    address = cluster.scheduler.address
    options = ["--scheduler", address, "--segmenter", segmenter, "--index", tmp_path / "shards"]
    code, out, err = run("index", photos[0].parent, "--shards", 3, *options)
    assert code == 0, err
    assert out.startswith("40 added, 0 replaced, 0 unchanged")
    assert out.endswith("holds 40 photos in 3 shards\n")
    code, out, _ = run("index", photos[0].parent, *options, "--json")
    assert (code, json.loads(out)["unchanged"]) == (0, 40)
    return tmp_path / "shards"


@pytest.fixture
def engine(photos, segmenter, folder):
    """One index of the same photos in the order of the shards, for ties."""
    from semsig.distributed import ShardedIndex
    from semsig.photo import PhotoRecord

    engine = Engine.create(None, segmenter=segmenter)
    texts = ShardedIndex.open(folder).payloads
    engine.add([PhotoRecord.from_json(text).path for text in texts])
    return engine


def test_index_and_search(run, photos, segmenter, folder, engine, cluster):
    search = ["search", photos[7], "--index", folder, "-k", 5, "--json"]
    for more in ([], ["--scheduler", cluster.scheduler.address]):
        code, out, err = run(*search, "--metric", "tanimoto-idf", *more)
        assert code == 0, err
        hits = engine.search(photos[7], 5, metric="tanimoto-idf", exclude_self=True)
        found = json.loads(out)["hits"]
        assert [(hit["path"], hit["distance"]) for hit in found] == [
            (hit.path, hit.distance) for hit in hits
        ]
    code, out, _ = run("search", photos[7], "--index", folder, "-k", 2)
    assert code == 0
    assert "bits" in out


def test_shards_at_a_url(run, photos, segmenter, folder, cluster):
    url = f"file://{folder}"
    options = ["--index", url, "--scheduler", cluster.scheduler.address, "--json"]
    code, out, err = run("index", photos[0].parent, "--segmenter", segmenter, *options)
    assert (code, json.loads(out)["unchanged"]) == (0, 40), err
    for where in (url, folder):
        code, out, _ = run("search", photos[7], "--index", where, "-k", 3, "--json")
        hits = json.loads(out)["hits"]
        assert (code, len(hits)) == (0, 3)
        if where == url:
            expected = hits
    assert hits == expected
    code, _, err = run("search", photos[7], "--index", "nosuch://x", "-k", 3)
    assert code == 1
    assert "Expected a path or URL that can be read" in err


def test_reranking_is_of_all_shards(photos, folder, engine):
    options = RerankOptions(k1=6, k2=3, depth=20)
    found = search_photos(folder, photos[3], 5, rerank=options)
    expected = engine.search(photos[3], 5, rerank=options, exclude_self=True)
    assert [(hit.path, hit.distance, hit.metric) for hit in found] == [
        (hit.path, hit.distance, hit.metric) for hit in expected
    ]


def test_what_shards_do_not_do_is_named(run, photos, folder):
    code, _, err = run("search", photos[0], "--index", folder, "--has", "sky")
    assert code == 2
    assert "geometry and pages are for one index" in " ".join(err.replace("│", " ").split())
    code, _, err = run("search", photos[0], "--index", folder, "--signature", "fused")
    assert code == 1
    assert "a fusion chooses candidates among all photos" in err
    code, _, err = run("index", photos[0], "--index", folder, "--signature", "sbs,sbovp")
    assert code == 2
    code, _, err = run("index", photos[0], "--index", folder, "--prune")
    assert code == 2
    with pytest.raises(OptionError, match="Expected a signature of sbs over shards"):
        search_photos(folder, photos[0], signature="pooled", metric="hamming")


def test_a_scheduler_that_is_not_there_is_named(run, photos, tmp_path):
    where = ["--index", tmp_path / "x", "--shards", 2]
    code, _, err = run("index", photos[0], *where, "--scheduler", "nosuch://127.0.0.1:1")
    assert code == 1
    assert "Expected Dask to do what it was asked" in err
    assert not (tmp_path / "x").exists()
