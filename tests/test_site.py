"""The references of the documentation site name all that there is."""

from __future__ import annotations

import contextlib
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import semsig
from scripts.site.reference import api_page, cli_page, http_page

NAVIGATION = Path(__file__).parents[1] / "mkdocs.yml"
MODULES = re.findall(r"reference/api/([\w.]+)\.md", NAVIGATION.read_text("utf-8"))


def test_every_command_and_option_is_in_the_reference(run):
    page = cli_page()
    _, listed, _ = run("--help")
    commands = re.findall(r"^## semsig (\w+)$", page, re.M)
    assert len(commands) > 20
    assert all(re.search(rf"\b{name}\b", listed) for name in commands)
    for name in ("search", "evaluate"):
        (section,) = re.findall(rf"^## semsig {name}$(.*?)(?=^## |\Z)", page, re.M | re.S)
        options = set(re.findall(r"(?<=[ (])--[a-z]+[a-z-]*", run(name, "--help")[1])) - {"--help"}
        assert len(options) > 10
        assert not {option for option in options if option not in section}


def test_every_route_and_document_is_in_the_reference():
    pytest.importorskip("fastapi")
    from semsig.server import routes

    page = http_page()
    for route in routes.router.routes:
        for method in route.methods:
            assert f"### `{method} {route.path}`" in page
    assert "### Answer" in page
    anchors = set(re.findall(r"^### (\w+)$", page, re.M))
    assert set(re.findall(r"\[(\w+)\]\(#\w+\)", page)) <= anchors


def test_public_names_are_on_the_first_page_of_the_api():
    page = api_page("semsig")
    described = set(re.findall(r"heading: (\w+)$", page, re.M))
    assert described == set(semsig.__all__) - {"__version__"}


@pytest.mark.parametrize("module", MODULES)
def test_pages_of_modules_describe_what_exists(module):
    try:
        page = api_page(module)
    except ImportError as error:  # an optional package, or an error of semsig's own that names it
        pytest.skip(str(error))
    for where in re.findall(r"^::: (\S+)$", page, re.M):
        home, _, name = where.rpartition(".")
        assert find_spec(home), where
        with contextlib.suppress(ImportError):  # faiss, say, which the tests do not need
            assert hasattr(import_module(home), name)
    assert "::: " in page or "Also here" in page
