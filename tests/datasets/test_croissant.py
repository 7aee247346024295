"""The Croissant documents of all datasets are valid by the format's own library."""

from __future__ import annotations

import json
import sys

import pytest

from semsig.cli import main
from semsig.datasets import dataset_names, load_dataset
from semsig.datasets.croissant import croissant

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib|mlcroissant|pyparsing")


def read(document, caplog):
    """Return the document as mlcroissant reads it; all it may miss is a date that none knows."""
    library = pytest.importorskip("mlcroissant")
    dataset = library.Dataset(jsonld=document)
    remarks = [line for message in caplog.messages for line in message.splitlines()[1:]]
    assert len(remarks) == ("datePublished" not in document)
    assert all("datePublished" in remark for remark in remarks)
    return dataset


@pytest.mark.parametrize("name", dataset_names())
def test_every_dataset_is_described(name, caplog):
    described = load_dataset(name)
    document = json.loads(json.dumps(croissant(described)))
    metadata = read(document, caplog).metadata
    assert (metadata.name, metadata.cite_as) == (name, described.reference)
    assert metadata.license == [described.licence]
    assert metadata.url.startswith("http")
    assert metadata.url in described.source or "http" not in described.source
    includes = [f"**/*{kind}" for kind in described.kinds]
    assert metadata.distribution[0].includes == includes


def test_classes_are_records(caplog):
    records = list(read(croissant(load_dataset("linnaeus")), caplog).records("classes"))
    assert {record["classes/name"] for record in records} >= {"berry", "bird", "dog"}
    assert {record["classes/photos"] for record in records} == {1600}


def test_the_command_writes_one(tmp_path, monkeypatch, capsys):
    out = tmp_path / "wang.json"
    monkeypatch.setattr(
        sys, "argv", ["semsig", "datasets", "--croissant", "wang", "--out", str(out)]
    )
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 0
    assert str(out) in capsys.readouterr().out
    assert json.loads(out.read_text("utf-8")) == croissant(load_dataset("wang"))


def test_the_command_prints_one_without_a_file(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["semsig", "datasets", "--croissant", "ukbench"])
    with pytest.raises(SystemExit):
        main()
    assert json.loads(capsys.readouterr().out) == croissant(load_dataset("ukbench"))
