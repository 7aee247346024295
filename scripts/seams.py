"""Count the files outside a signature's or distance's own that refer to it by name.

    python -m scripts.seams

A file counts if it contains the name as a string outside docstrings, or imports from the
signature's folder. A new signature or distance changes only the files listed as "the registry";
tests/signatures/test_registry.py and tests/search/test_toy_metric.py show that a toy of each needs
no more. Exits with 1 if a file compares something with a signature's name.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from semsig.signatures import signature_names
from semsig.types.metrics import METRICS

ROOT = Path("semsig")
REGISTRY = {"signature": {"semsig/signatures/registry.py"}, "distance": {"semsig/types/metrics.py"}}


def main() -> None:
    """Print a table, and fail if a name decides anything outside the registry."""
    own = {name: f"semsig/signatures/{name}/" for name in signature_names()}
    found = {name: set(_knowing(name, own[name])) for name in own}
    for name, files in found.items():
        _tell("signature", name, files)
    for name in METRICS:
        _tell("distance", name, set(_knowing(name, "semsig/types/metrics.py")))
    deciding = sorted({f"{path}:{line}" for name in own for path, line in _deciding(name)})
    sys.stdout.write(f"comparisons with a signature's name: {', '.join(deciding) or 'none'}" + "\n")
    sys.exit(bool(deciding))


def _tell(what: str, name: str, files: set[str]) -> None:
    others = sorted(files - REGISTRY[what])
    sys.stdout.write(f"{what} {name}: {len(others)} files beside its own and the registry's" + "\n")
    for path in others:
        sys.stdout.write(f"    {path}" + "\n")


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.as_posix(), ast.parse(path.read_text())


def _knowing(name: str, own: str) -> Iterator[str]:
    for path, tree in _trees():
        if not path.startswith(own) and any(_names(node, name) for node in ast.walk(tree)):
            yield path


def _names(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").startswith(f"semsig.signatures.{name}.")
    return isinstance(node, ast.Constant) and node.value == name


def _deciding(name: str) -> Iterator[tuple[str, int]]:
    """Yield the places where an ``if``, ``match`` or comparison tests for a name."""
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare | ast.MatchValue) and any(
                isinstance(part, ast.Constant) and part.value == name for part in ast.walk(node)
            ):
                yield path, node.lineno


if __name__ == "__main__":
    main()
