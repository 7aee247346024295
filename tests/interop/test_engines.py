"""Other engines return semsig's own distances and ids; skipped, and named, where one is absent."""

import json
import sys
from importlib import import_module

import numpy as np
import pytest

from semsig import ClassTable, HammingIndex, SbsBatch, SbsSchema, SbsSignature, interop
from semsig.errors import EngineError, OptionError, SchemaMismatchError, SemsigError
from semsig.interop.exporting import ENGINES, FACTS
from semsig.types.metrics import METRICS
from tests.interop import opensearch as form
from tests.interop.postgres import server
from tests.interop.test_terms import pooled_of
from tests.search.batches import random_batch

pytest.importorskip("pyarrow")

SCHEMA = SbsSchema(3, ClassTable([f"class {number}" for number in range(20)]))
OTHER = SbsSchema(2, SCHEMA.classes)
K = 25
LINEAR = ["hamming", "containment"]


@pytest.fixture(scope="module")
def index():
    """Rows with ties, an empty one, removed ones, and ids that are not rows."""
    index = HammingIndex(SCHEMA)
    rows = [*random_batch(300, SCHEMA, 1, 12), SbsSignature([], SCHEMA)]
    index.add(rows, [7 * n + 3 for n in range(301)], payloads=[f"photo '{n}'" for n in range(301)])
    index.remove([3, 73])
    return index


@pytest.fixture(scope="module")
def pooled(index):
    return pooled_of(index.ids[::2])


@pytest.fixture(scope="module")
def queries(index):
    return SbsBatch.of(
        [*random_batch(3, SCHEMA, 2, 12), SbsSignature([], SCHEMA), index.signature(10)]
    )


def assert_same(answer, index, queries, metric, k=K):
    distances, ids = index.search(queries, k, metric=metric)
    assert answer[0].dtype == distances.dtype
    np.testing.assert_array_equal(answer[0], distances)
    np.testing.assert_array_equal(answer[1], ids)


@pytest.fixture(scope="module")
def duckdb_folder(index, pooled, tmp_path_factory):
    pytest.importorskip("duckdb")
    folder = tmp_path_factory.mktemp("duckdb") / "tables"
    interop.export(index, "duckdb", folder, pooled=pooled)
    return folder


@pytest.mark.parametrize("metric", METRICS)
def test_duckdb(duckdb_folder, index, queries, metric):
    from semsig.interop import duckdb

    assert_same(duckdb.search(duckdb_folder, queries, K, metric=metric), index, queries, metric)
    assert_same(
        duckdb.search(duckdb_folder, queries, 400, metric=metric), index, queries, metric, 400
    )


def test_duckdb_compares_pooled_descriptors(duckdb_folder, pooled):
    import duckdb

    asked = pooled.signature(10)
    unit = asked.codes / np.linalg.norm(asked.codes.astype(np.float64))
    table = str(duckdb_folder / "documents.parquet")
    rows = duckdb.execute(
        f"SELECT id, 2 - 2 * list_inner_product(pooled, {unit.tolist()}::FLOAT[]) AS distance "
        f"FROM '{table}' WHERE list_inner_product(pooled, pooled) > 0 ORDER BY distance LIMIT 5"
    ).fetchall()
    distances, ids = pooled.search([asked], 5)
    np.testing.assert_allclose([row[1] for row in rows], distances[0], atol=1e-6)
    assert rows[0][0] == ids[0, 0] == 10


@pytest.fixture(scope="module")
def clickhouse_folder(index, pooled, tmp_path_factory):
    pytest.importorskip("chdb")
    from semsig.interop import clickhouse

    folder = tmp_path_factory.mktemp("clickhouse")
    interop.export(index, "clickhouse", folder / "tables", pooled=pooled)
    clickhouse.load(folder / "tables", folder / "database")
    return folder


def test_clickhouse(clickhouse_folder, index, queries):
    from semsig.interop import clickhouse

    tables = clickhouse_folder / "tables"
    with clickhouse.Embedded(clickhouse_folder / "database") as run:
        for metric in METRICS:
            answer = clickhouse.search(tables, queries, K, metric=metric, run=run)
            assert_same(answer, index, queries, metric)
        with pytest.raises(EngineError, match="Expected chDB to do what it was asked"):
            run("SELECT nonsense")
        assert run("SELECT count(), sum(length(pooled)) FROM semsig.documents") == [[299, 897]]


def test_clickhouse_servers_are_sent_statements(clickhouse_folder):
    text = (clickhouse_folder / "tables" / "schema.sql").read_text()
    statements = text.strip().rstrip(";").split(";\n")
    assert len(statements) == 7
    assert statements[1].startswith("CREATE TABLE semsig.documents (doc Int64, ")
    assert statements[2] == (
        "INSERT INTO semsig.documents FROM INFILE 'documents.parquet' FORMAT Parquet"
    )


@pytest.fixture(scope="module")
def postgres_server():
    pytest.importorskip("psycopg")
    with server() as address:
        yield address


@pytest.fixture(scope="module")
def postgres_tables(postgres_server, index, pooled):
    from semsig.interop import postgres

    postgres.export(index, postgres_server, pooled=pooled, bits=True)
    return postgres_server


@pytest.mark.parametrize("metric", METRICS)
def test_postgres(postgres_tables, index, queries, metric):
    from semsig.interop import postgres

    answer = postgres.search(postgres_tables, queries, K, metric=metric)
    assert_same(answer, index, queries, metric)


def test_postgres_counts_bits(postgres_tables, index, queries):
    from semsig.interop import postgres

    answer = postgres.search_bits(postgres_tables, queries, K)
    assert_same(answer, index, queries, "hamming")


def test_postgres_has_payloads_and_pooled_descriptors(postgres_tables, index, pooled):
    import psycopg

    with psycopg.connect(postgres_tables) as connection:
        rows = connection.execute("SELECT id, payload, pooled FROM semsig_documents ORDER BY doc")
        found = {id_: (payload, vector) for id_, payload, vector in rows}
    assert list(found) == index.ids.tolist()
    assert [payload for payload, _ in found.values()] == list(index.payloads)
    codes = pooled.signature(10).codes.astype(np.float64)
    np.testing.assert_allclose(found[10][1], codes / np.linalg.norm(codes), rtol=1e-6)


def test_postgres_exports_in_one_transaction(postgres_server, index, monkeypatch):
    import psycopg

    from semsig.interop import postgres

    def fail(*_):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(postgres, "_fill_postings", fail)
    with pytest.raises(EngineError, match="the disk is full"):
        postgres.export(index, postgres_server, table="halfway")
    with psycopg.connect(postgres_server) as connection:
        row = connection.execute("SELECT to_regclass('halfway_documents')").fetchone()
    assert row == (None,)


def test_what_postgres_refuses_is_named(postgres_tables, index, queries):
    from semsig.interop import postgres

    with pytest.raises(OptionError, match="no semsig_documents yet"):
        postgres.export(index, postgres_tables)
    with pytest.raises(EngineError, match="canceling statement due to statement timeout"):
        postgres.search(postgres_tables, queries, K, timeout=0.001)
    with pytest.raises(EngineError, match="nosuch_documents without their comment"):
        postgres.search(postgres_tables, queries, K, table="nosuch")
    postgres.export(index, postgres_tables, table="plain")
    with pytest.raises(EngineError, match='column "bits" does not exist'):
        postgres.search_bits(postgres_tables, queries, K, table="plain")
    with pytest.raises(OptionError, match="a name of letters"):
        postgres.export(index, postgres_tables, table="a; drop table b")
    with pytest.raises(EngineError, match="No such file or directory"):
        postgres.search("postgresql://x@/y?host=/nosuch", queries, K)


@pytest.fixture(scope="module")
def tantivy_folder(index, pooled, tmp_path_factory):
    pytest.importorskip("tantivy")
    folder = tmp_path_factory.mktemp("tantivy") / "index"
    interop.export(index, "tantivy", folder, pooled=pooled)
    return folder


@pytest.mark.parametrize("metric", LINEAR)
@pytest.mark.parametrize("k", [1, K, 400])
def test_tantivy(tantivy_folder, index, queries, metric, k):
    from semsig.interop import tantivy

    answer = tantivy.search(tantivy_folder, queries, k, metric=metric)
    assert_same(answer, index, queries, metric, k)


@pytest.mark.parametrize("name", ["qdrant", "milvus"])
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_sparse_vectors_in_local_modes(name, index, pooled, queries, tmp_path, caplog):
    package = {"qdrant": "qdrant_client", "milvus": "milvus_lite"}[name]
    pytest.importorskip(package)
    engine = import_module(f"semsig.interop.{name}")
    interop.export(index, name, tmp_path / "x", pooled=pooled)
    for metric in LINEAR:
        answer = engine.search(tmp_path / "x", queries, K, metric=metric, schema=SCHEMA)
        assert_same(answer, index, queries, metric)
    with pytest.raises(EngineError, match=r"Expected .* to do what it was asked.*not found"):
        engine.search(tmp_path / "x", random_batch(1, OTHER, 1, 4), K, schema=OTHER)
    with engine._client(tmp_path / "x") as client, pytest.raises(OptionError, match="yet, got one"):
        engine._create(client, index, None, "semsig")


def test_lance(index, pooled, queries, tmp_path):
    pytest.importorskip("lancedb")
    from semsig.interop import lance

    interop.export(index, "lance", tmp_path / "x", pooled=pooled)
    assert_same(lance.search(tmp_path / "x", queries, K), index, queries, "hamming")


def test_opensearch_is_sent_what_its_api_takes(index, pooled, queries, tmp_path):
    from semsig.interop import opensearch

    interop.export(index, "opensearch", tmp_path / "x", pooled=pooled)
    mapping = json.loads((tmp_path / "x" / "mapping.json").read_text())
    form.check_mapping(mapping)
    documents = form.read_bulk((tmp_path / "x" / "documents.ndjson").read_text(), mapping)
    assert len(documents) == len(index)
    for metric in LINEAR:
        distances, ids = index.search(queries, K, metric=metric)
        for q, signature in enumerate(queries):
            hits = form.run(opensearch.query(signature, K, metric=metric), documents)
            assert [id_ for _, id_ in hits] == ids[q].tolist()
            assert [_distance(score, signature, metric) for score, _ in hits] == distances[
                q
            ].tolist()


def _distance(score, signature, metric):
    if metric == "hamming":
        return signature.weight + SCHEMA.n_bits - score
    return float(np.float32(1 - score / signature.weight)) if signature.weight else 0


def test_opensearch_has_limits():
    from semsig.interop import opensearch

    many = SbsSignature(np.arange(300) * 4 + 3, SCHEMA)
    with pytest.raises(OptionError, match=r"1,023 terms.*got 1,200"):
        opensearch.query(many, 5)
    with pytest.raises(OptionError, match="10,000"):
        opensearch.query(SbsSignature([3], SCHEMA), 10_001)


FOLDERS = ("clickhouse", "duckdb", "lance", "milvus", "opensearch", "qdrant", "tantivy")
PACKAGES = {
    "lance": "lancedb",
    "milvus": "pymilvus",
    "postgres": "psycopg",
    "qdrant": "qdrant_client",
    "tantivy": "tantivy",
}


def test_every_engine_is_known():
    assert sorted((*FOLDERS, "postgres")) == sorted(ENGINES)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_is_there_stays_as_it_is(name, index, tmp_path):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine").touch()
    with pytest.raises(OptionError, match="Expected a new folder"):
        interop.export(index, name, tmp_path / "x")
    assert [path.name for path in tmp_path.rglob("*")] == ["x", "mine"]


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_an_absent_engine_is_named_and_nothing_written(name, index, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    with pytest.raises(EngineError, match=r"Expected the package .*pip install"):
        interop.export(index, name, tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["duckdb", "clickhouse", "opensearch", "tantivy", "lance"])
def test_an_export_that_fails_leaves_nothing(name, index, tmp_path, monkeypatch):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    engine = import_module(f"semsig.interop.{name}")

    def fail(*_, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine, "write_facts", fail)
    with pytest.raises(SemsigError, match="No space left"):
        interop.export(index, name, tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["duckdb", "tantivy", "lance"])
def test_folders_of_another_engine_are_refused(name, index, queries, tmp_path):
    pytest.importorskip(PACKAGES.get(name, name))
    interop.export(index, "opensearch", tmp_path / "x")
    engine = import_module(f"semsig.interop.{name}")
    for folder in (tmp_path / "x", tmp_path / "nosuch"):
        with pytest.raises(EngineError, match=f"semsig.interop.{name}.export wrote"):
            engine.search(folder, queries, K)


@pytest.mark.parametrize(
    "damage",
    [
        lambda facts: b"[" * 100_000,
        lambda facts: b"[]",
        lambda facts: json.dumps(facts | {"rows": -1}).encode(),
        lambda facts: json.dumps(facts | {"rows": float("nan")}).encode(),
        lambda facts: json.dumps(facts | {"rows": 10**30}).encode(),
        lambda facts: json.dumps(facts | {"pooled": 1}).encode(),
        lambda facts: json.dumps(facts | {"schema": None}).encode(),
    ],
)
def test_damaged_facts_of_an_export_are_named(index, queries, tmp_path, damage):
    pytest.importorskip("duckdb")
    interop.export(index, "duckdb", tmp_path / "x")
    file = tmp_path / "x" / FACTS
    file.write_bytes(damage(json.loads(file.read_bytes())))
    with pytest.raises(EngineError, match=r"semsig.interop.duckdb.export wrote"):
        interop.duckdb.search(tmp_path / "x", queries, K)


def test_other_metrics_and_schemas_are_refused(tantivy_folder, duckdb_folder, queries):
    from semsig.interop import duckdb, tantivy

    with pytest.raises(OptionError, match="a metric that Tantivy can rank by"):
        tantivy.search(tantivy_folder, queries, K, metric="tanimoto")
    with pytest.raises(SchemaMismatchError):
        duckdb.search(duckdb_folder, random_batch(1, OTHER, 1, 4), K)


def test_signatures_too_long_for_float32_are_refused(tmp_path):
    pytest.importorskip("tantivy")
    index = HammingIndex(SbsSchema(8, ClassTable([str(number) for number in range(20)])))
    with pytest.raises(OptionError, match="at most 4,194,304 bits"):
        interop.export(index, "tantivy", tmp_path / "x")


def test_an_empty_index_is_exported(queries, tmp_path):
    pytest.importorskip("duckdb")
    from semsig.interop import duckdb

    empty = HammingIndex(SCHEMA)
    interop.export(empty, "duckdb", tmp_path / "x")
    for metric in METRICS:
        answer = duckdb.search(tmp_path / "x", queries, 3, metric=metric)
        assert_same(answer, empty, queries, metric, 3)


def test_the_command(run, index, pooled, tmp_path):
    index.save(tmp_path / "index")
    pooled.save(tmp_path / "index" / "pooled")
    made = "--index", tmp_path / "index"
    code, out, _ = run("export", tmp_path / "x.jsonl", "--to", "terms", *made)
    assert (code, out) == (
        0,
        f"299 photos with pooled descriptors written to {tmp_path / 'x.jsonl'}\n",
    )
    code, out, _ = run(
        "export", tmp_path / "y", "--to", "opensearch", "--no-pooled", "--json", *made
    )
    assert json.loads(out)["photos"] == 299
    code, _, err = run("export", tmp_path / "y", "--to", "opensearch", *made)
    assert code == 1
    assert "Expected a new folder" in err
