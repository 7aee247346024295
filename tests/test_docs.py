"""The examples of the documentation run, and print what it says they print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning"),  # faiss's SWIG
]

ROOT = Path(__file__).parent.parent
OPTIONAL = {"to_faiss": "faiss", "parquet": "pyarrow"}
"""What an example may use, and the package that it needs then."""

EXAMPLE = re.compile(
    r"^```python\n(.*?)^```\n\s*(?:<!-- example -->\s*)?```\n(.*?)^```", re.M | re.S
)
NUMBER = re.compile(r"\d+")


def examples(page: str) -> list[tuple[str, str]]:
    """Pairs of code and output."""
    return EXAMPLE.findall((ROOT / page).read_text("utf-8"))


def run(blocks: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Run a page's blocks as one session; yield what was printed and what should be."""
    session: dict[str, object] = {}
    for code, expected in blocks:
        if all(find_spec(package) for word, package in OPTIONAL.items() if word in code):
            printed = StringIO()
            with redirect_stdout(printed):
                exec(code, session)
            yield printed.getvalue(), expected


def test_every_example_is_found():
    for page in ("README.md", "docs/embedding.md", "docs/datasets.md", "docs/words.md"):
        assert len(examples(page)) == (ROOT / page).read_text("utf-8").count("```python")


@pytest.mark.parametrize("page", ["docs/embedding.md", "docs/datasets.md", "docs/words.md"])
def test_pages(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEMSIG_WORDS", "")
    for printed, expected in run(examples(page)):
        assert printed == expected


def test_readme():
    """Its numbers come from a network, whose answers differ a little between machines."""
    for printed, expected in run(examples("README.md")):
        assert NUMBER.sub("#", printed) == NUMBER.sub("#", expected)
        numbers, stated = (list(map(int, NUMBER.findall(text))) for text in (printed, expected))
        assert numbers == pytest.approx(stated, rel=0.1)
