"""Rules of the source that no linter knows: tests assert, and signatures are short."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MOST_PARAMETERS = 8
ASSERTING = {"raises", "warns", "fail", "deprecated_call"}
"""Calls of pytest's that are assertions."""

LONG = {
    # public calls: all but the first two parameters are keywords, most of them left out
    "semsig/distributed/searching.py::search_photos",
    "semsig/engine/engine.py::search",
    "semsig/evaluate/benchmarking.py::evaluate",
    "semsig/evaluate/scoring.py::measure",
    "semsig/signatures/pooled/training.py::fit_projection",
    # a route: its parameters are those of the URL
    "semsig/server/routes.py::search_simply",
    # kernels: Numba takes arrays and numbers, no records of them
    "kernels/semsig_kernels/bitmaps.py::nearest_bitmaps",
    "kernels/semsig_kernels/bounds.py::_refine",
    "kernels/semsig_kernels/histogram_l2.py::_offer",
    "kernels/semsig_kernels/phrases.py::_emit_pairs",
    "kernels/semsig_kernels/postings.py::nearest",
    "kernels/semsig_kernels/postings.py::offer",
    "kernels/semsig_kernels/quadtree.py::_peel_tile",
}
"""Functions with more, and why."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(parsed(path)) if isinstance(node, Function))


def called(node: ast.AST) -> set[str]:
    """Names of what is called below a node, without what they are attributes of."""
    targets = (call.func for call in ast.walk(node) if isinstance(call, ast.Call))
    return {
        target.attr if isinstance(target, ast.Attribute) else target.id
        for target in targets
        if isinstance(target, ast.Attribute | ast.Name)
    }


@cache
def asserting() -> frozenset[str]:
    """Names of the functions in tests that assert, themselves or by what they call."""
    calls: dict[str, set[str]] = {}
    found = set(ASSERTING)
    for path in TESTS:
        for function in functions(path):
            calls.setdefault(function.name, set()).update(called(function))
            if any(isinstance(node, ast.Assert) for node in ast.walk(function)):
                found.add(function.name)
    while more := {name for name, names in calls.items() if names & found} - found:
        found |= more
    return frozenset(found)


def asserts(function: Function) -> bool:
    """Say whether a function asserts: by itself, by NumPy's assert_..., or by a helper's."""
    names = called(function)
    return (
        any(isinstance(node, ast.Assert) for node in ast.walk(function))
        or any(name.startswith("assert_") for name in names)
        or bool(names & asserting())
    )


def test_every_test_asserts():
    tests = [(path, function) for path in TESTS for function in functions(path)
             if function.name.startswith("test_") and path.name.startswith("test_")]  # fmt: skip
    assert len(tests) > 1000
    silent = [f"{path.relative_to(ROOT)}::{function.name}" for path, function in tests
              if not asserts(function)]  # fmt: skip
    assert silent == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [("pass", False), ("run()", False), ("assert run()", True), ("check(run())", True),
     ("with pytest.raises(ValueError): run()", True), ("np.testing.assert_equal(1, 1)", True)],
)  # fmt: skip
def test_what_counts_as_an_assertion(body, expected, monkeypatch):
    monkeypatch.setitem(globals(), "asserting", lambda: frozenset({"raises", "check"}))
    (function,) = ast.parse(f"def test_it():\n    {body}").body
    assert asserts(function) == expected


def test_no_function_has_more_than_eight_parameters():
    packages = ROOT / "semsig", ROOT / "kernels" / "semsig_kernels"
    paths = [path for package in packages for path in package.rglob("*.py")]
    long = {
        f"{path.relative_to(ROOT).as_posix()}::{function.name}"
        for path in paths
        if "cli" not in path.relative_to(ROOT).parts
        for function in functions(path)
        if parameters(function) > MOST_PARAMETERS
    }
    assert len(paths) > 300
    assert long - LONG == set()
    assert LONG - long == set(), "no longer so: take it from the list"


def parameters(function: Function) -> int:
    """Return how many values a caller passes: parameters, without self and cls."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([one for one in named if one.arg not in ("self", "cls")])
