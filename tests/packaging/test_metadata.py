"""What other tools read of this repository is valid, and says the same everywhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

import semsig

yaml = pytest.importorskip("ruamel.yaml")

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SYSTEMS = {"ubuntu-latest", "macos-latest", "windows-latest"}
PYTHONS = {"3.11", "3.12", "3.13", "3.14"}


def read(name):
    return yaml.YAML(typ="safe").load((ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("citation-file-format", [ROOT / "CITATION.cff"]),
        ("github-workflows", WORKFLOWS),
        ("compose-spec", [ROOT / "compose.yaml"]),
    ],
)
def test_files_are_as_their_schemas_want_them(schema, files):
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, len(files) > 0) == (0, True), done.stdout + done.stderr


def test_a_file_that_is_not_so_is_found(tmp_path):
    pytest.importorskip("check_jsonschema")
    (tmp_path / "CITATION.cff").write_text("title: semsig\n")
    command = [sys.executable, "-m", "check_jsonschema", str(tmp_path / "CITATION.cff")]
    command += ["--builtin-schema", "vendor.citation-file-format"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'authors' is a required property" in done.stdout


def test_version_and_citation_are_the_same_everywhere():
    citation, zenodo = read("CITATION.cff"), json.loads((ROOT / ".zenodo.json").read_text("utf-8"))
    recipe = read("conda/recipe.yaml")
    versions = {PROJECT["version"], citation["version"], recipe["context"]["version"]}
    assert versions == {semsig.__version__}
    assert zenodo["title"] == citation["title"]
    assert zenodo["keywords"] == citation["keywords"]
    paper = citation["preferred-citation"]
    assert paper["doi"] == zenodo["related_identifiers"][0]["identifier"]
    assert paper["authors"][0]["family-names"] == "Ouni"


def test_conda_needs_what_pip_needs():
    wanted = {re.sub("^opencv-python", "py-opencv", one) for one in PROJECT["dependencies"]}
    recipe = read("conda/recipe.yaml")["requirements"]["run"]
    assert {one.replace(" ", "") for one in recipe} == {*wanted, "python>=3.11"}


def test_workflows_run_on_every_system_and_python():
    matrix = read(".github/workflows/tests.yml")["jobs"]["platforms"]["strategy"]["matrix"]
    stated = {one.rpartition(" ")[2] for one in PROJECT["classifiers"] if ":: 3." in one}
    assert (set(matrix["os"]), set(matrix["python"])) == (SYSTEMS, PYTHONS)
    assert stated == PYTHONS
    text = (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
    paths = re.findall(r"(?<= )tests/[\w./]+", text)
    assert len(paths) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_page_of_installing_lists_every_extra_and_gets_opencv_out():
    page = (ROOT / "docs" / "install.md").read_text("utf-8")
    extras = PROJECT["optional-dependencies"]
    table = page[: page.index("Several at a time")]
    assert {name for name in re.findall(r"`(\w+)`", table) if name in extras} == set(extras)
    (program,) = re.findall(r'^python -c "(.*)" > others.txt$', page, re.M)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    plain = [one for one in requires("semsig") or () if "extra ==" not in one]
    left_out = set(plain) - set(done.stdout.splitlines())
    assert len(left_out) == 1
    assert left_out.pop().startswith("opencv-python")


def test_types_are_marked_as_there():
    for package in ("semsig", "kernels/semsig_kernels"):
        assert (ROOT / package / "py.typed").read_bytes() == b""
