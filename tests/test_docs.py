"""The snippets of the documentation run and print what it says; its links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from semsig import HammingIndex, sbs
from semsig.synthetic import scenes, write_scenes

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
OPTIONAL = {"to_faiss": "faiss", "parquet": "pyarrow"}
"""What a snippet may use, and the package that it needs then."""

README_LEAVES = {
    "make": "runs these tests",
    "pip install": "is how they were installed",
    "semsig serve": "serves until it is stopped",
    "semsig evaluate wang": "takes the benchmark's photos",
}
"""Commands of the README that are not run, and why."""

FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
OUTPUT = re.compile(r"\s*(?:<!-- example -->\s*)?```\n(.*?)^```$", re.M | re.S)
REASON = re.compile(r"\s*<!-- not run: ([^>]{8,}) -->")
RUN = ("python", "sh", "bash", "shell", "console")
NUMBER = re.compile(r"\d+")

faiss_warns = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")


@dataclass(frozen=True)
class Snippet:
    """A block of code, what it prints as the page has it, and why it is not run, if it is not."""

    language: str
    code: str
    output: str | None
    not_run: str | None


def snippets(page: Path) -> list[Snippet]:
    """All blocks of a page, plain ones too, without the outputs."""
    text, found, at = page.read_text("utf-8"), [], 0
    while block := FENCED.search(text, at):
        _, language, code = block.groups()
        output = OUTPUT.match(text, block.end()) if language in RUN else None
        at = output.end() if output else block.end()
        reason = REASON.match(text, at)
        found.append(Snippet(language, code, output and output[1], reason and reason[1]))
    return found


def runnable(page: Path) -> list[Snippet]:
    return [s for s in snippets(page) if s.language in RUN and not s.not_run]


def commands(code: str) -> Iterator[list[str]]:
    """The commands of a shell snippet, each as its words."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield [str(Path(w).expanduser()) if w.startswith("~") else w for w in words]


def left_out(page: Path) -> Iterator[Any]:
    """Each snippet that is not run, as a parameter."""
    for number, snippet in enumerate(snippets(page)):
        if snippet.not_run:
            yield pytest.param(snippet, id=f"{page.stem}-{number}")


def has_packages(code: str) -> bool:
    return all(find_spec(package) for word, package in OPTIONAL.items() if word in code)


class Session:
    """A page's snippets, run in order in one folder."""

    def __init__(self, run: Callable[..., tuple[int, str, str]]) -> None:
        self._run = run
        self._names: dict[str, object] = {}

    def python(self, code: str) -> str:
        printed = StringIO()
        with redirect_stdout(printed):
            exec(code, self._names)
        return printed.getvalue()

    def shell(self, code: str) -> str:
        return "".join(self.command(*words) for words in commands(code))

    def command(self, name: str, *arguments: str) -> str:
        assert name == "semsig", f"{name}: mark it as not run, with the reason"
        exit_code, out, err = self._run(*arguments)
        assert exit_code == 0, f"{arguments}: {err}"
        return out

    def __call__(self, snippet: Snippet) -> str:
        return (self.python if snippet.language == "python" else self.shell)(snippet.code)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Path:
    """What the pages' commands are run on: class folders, judgements and an index."""
    folder = tmp_path_factory.mktemp("docs")
    write_scenes(folder, 20)
    paths = sorted((folder / "photos").glob("*/*.jpg"))
    rows = [f"{path.relative_to(folder / 'photos')},{path.parent.name}\n" for path in paths]
    (folder / "labels.csv").write_text("file,label\n" + "".join(rows))
    (folder / "asked").mkdir()
    for name, path in (("photo.jpg", paths[4]), ("other.jpg", paths[5]), ("asked/q.jpg", paths[6])):
        shutil.copy(path, folder / name)
        labels = folder / "labels"
        shutil.copy(labels / f"{path.stem}.png", labels / f"{Path(name).stem}.png")
    judged = [path.stem for path in paths if path.parent == paths[6].parent]
    (folder / "qrels.txt").write_text("".join(f"q 0 {stem} 1\n" for stem in judged))
    return folder


@pytest.fixture
def session(made_once, tmp_path, monkeypatch, run) -> Session:
    shutil.copytree(made_once, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("SEMSIG_WORDS", "")
    return Session(run)


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_snippet_is_run_or_says_why_not(page):
    for snippet in snippets(page):
        if snippet.language in RUN:
            continue
        looks_run = re.match(r"(\$|semsig|pip|python|make|import) ", snippet.code)
        assert not looks_run, f"{page.name}: say its language:\n{snippet.code}"
    for snippet in runnable(page):
        if snippet.language != "python":
            assert {name for name, *_ in commands(snippet.code)} == {"semsig"}


@pytest.mark.slow
@faiss_warns
@pytest.mark.parametrize("page", [p for p in DOCS if runnable(p)], ids=lambda page: page.name)
def test_snippets(page, session):
    if any("photos.semsig" in snippet.code for snippet in runnable(page)):
        session.shell("semsig index photos --index photos.semsig --segmenter files:labels")
    for snippet in runnable(page):
        if has_packages(snippet.code):
            printed = session(snippet)
            if snippet.language == "python":
                assert printed == (snippet.output or "")
            elif snippet.output is not None:
                assert set(snippet.output.splitlines()) <= set(printed.splitlines()), printed


@pytest.mark.parametrize("snippet", [s for page in DOCS for s in left_out(page)])
def test_snippets_that_are_not_run(snippet):
    """They are Python or semsig's options all the same; the reason is in the page's source."""
    assert snippet.language in RUN
    if snippet.language == "python":
        compile(snippet.code, "snippet", "exec")
    pytest.skip(snippet.not_run)


@pytest.mark.slow
@faiss_warns
def test_python_of_readme():
    """Its numbers come from a network, whose answers differ a little between machines."""
    found = [s for s in snippets(README) if s.language == "python"]
    assert found
    for snippet in found:
        printed, expected = Session(None).python(snippet.code), snippet.output
        assert NUMBER.sub("#", printed) == NUMBER.sub("#", expected)
        numbers, stated = (list(map(int, NUMBER.findall(text))) for text in (printed, expected))
        assert numbers == pytest.approx(stated, rel=0.1)


@pytest.mark.slow
def test_shell_of_readme(session, made_once, tmp_path):
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    (home / "Pictures").symlink_to(made_once / "photos")
    (home / "data/my-class-folders").symlink_to(made_once / "photos")
    for name in ("holiday.jpg", "beach.jpg", "one.jpg"):
        shutil.copy("photo.jpg", name)
    ran = 0
    for snippet in snippets(README):
        for words in commands(snippet.code) if snippet.language == "sh" else ():
            line = " ".join(words)
            if not any(line.startswith(start) for start in README_LEAVES):
                session.command(*words)
                ran += 1
    assert ran > 5


def test_the_reader_of_the_format_page_reads_an_index_of_photos(session):
    """It knows nothing of semsig: ids, records of photos and cells are as semsig reads them."""
    session.shell("semsig index photos --index photos.semsig --segmenter files:labels --levels 2")
    session.shell("semsig remove photos/beach/0001.jpg --index photos.semsig")
    page: dict[str, Any] = {}
    exec(snippets(ROOT / "docs/format.md")[1].code, page)
    assert not [name for name in page if "semsig" in name]
    index = HammingIndex.open("photos.semsig")
    rows = list(page["read_index"](Path("photos.semsig")))
    assert [id_ for id_, _, _ in rows] == [id_ for id_ in range(20) if id_ in index]
    for id_, payload, cells in rows:
        assert sorted(json.loads(payload)) == ["digest", "label_state", "mtime_ns", "path", "size"]
        assert (triples := page["as_triples"](cells, 54)).shape == (len(cells), 3)
        signature = index.signature(id_)
        found = (signature.blocks, signature.labels, signature.proportions)
        assert (found == triples.T).all()


def test_the_bytes_that_the_format_page_names(tmp_path):
    signatures = [sbs(scene.label_map) for scene in scenes(3, size=(96, 64))]
    index = HammingIndex(signatures[0].schema)
    index.add(signatures)
    index.save(tmp_path / "i")
    (path,) = (tmp_path / "i").glob("*.cells.npy")
    content = path.read_bytes()
    assert content[:10] == bytes.fromhex("93 4E 55 4D 50 59 01 00 76 00")
    assert content[10:46] == b"{'descr': '<u2', 'fortran_order': Fa"
    assert content[127:128] == b"\n"
    assert len(content) == 128 + 2 * sum(len(s.cells) for s in signatures)


LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.M)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site name them."""
    plain = FENCED.sub("", page.read_text("utf-8"))
    words = (re.sub(r"[^\w\- ]", "", h.casefold()) for h in HEADING.findall(plain))
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    for link in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link) or link.startswith("reference/"):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert ROOT in target.parents, link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page():
    named = re.findall(r"([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.M)
    assert len(named) == len(set(named))
    own = {name for name in named if not name.startswith(("reference/", "notebooks/"))}
    assert own == {page.name for page in DOCS}


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_of_notebooks_lead_to_pages(notebook):
    """As the site has them: pages are one folder up, other notebooks beside it."""
    for link in LINK.findall(notebook.read_text("utf-8")):
        if not re.match(r"[a-z]+:", link):
            page = Path(link)
            target = (
                ROOT / "docs" / page.name
                if page.parts[0] == ".."
                else notebook.with_name(page.stem + ".py")
            )
            assert target.is_file(), link


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_and_show_something(notebook, tmp_path):
    """Each in a kernel of its own, from a process without this one's filters of warnings."""
    paths = [str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "scripts.site.notebooks", tmp_path, notebook.stem]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (page,) = tmp_path.glob("*.md")
    text = page.read_text("utf-8")
    assert text.startswith("# ")
    shown = re.findall(r'src="data:image/(?:png|jpeg);base64,', text)
    assert shown or "| map |" in text
    assert not re.search(r'(?:src|href)="(?!data:)', text), "nothing is fetched from elsewhere"


@pytest.mark.parametrize("page", [README, *DOCS], ids=lambda page: page.name)
def test_rows_of_a_table_have_as_many_cells_as_its_head(page):
    plain = FENCED.sub("", page.read_text("utf-8"))
    for table in re.findall(r"(?:^\|.*\|$\n?)+", plain, re.M):
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(cells) == 1, table
