"""Hooks of mkdocs: pages made at build time, and files of the repository that pages link to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from scripts.site.notebooks import NOTEBOOKS
from scripts.site.notebooks import page as notebook_page
from scripts.site.reference import api_page, cli_page, http_page

ROOT = Path(__file__).parents[2]
OUTSIDE = re.compile(r"\]\(\.\./([^)#]+)")
"""Links of docs/*.md to files of the repository outside docs/."""

NOTEBOOK = re.compile(r"\]\(\.\./notebooks/(\w+)\.py")
"""Links to notebooks, which are pages of the site."""

REPOSITORY = "repository"
"""Folder of the site to which such files are copied."""


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages, and the files that docs/*.md link to."""
    for page in _pages(config["nav"]):
        stem = Path(page).stem
        if page.startswith("reference/api/"):
            files.append(File.generated(config, page, content=api_page(stem)))
        elif page.startswith("notebooks/"):
            content = notebook_page(NOTEBOOKS / f"{stem}.py")
            files.append(File.generated(config, page, content=content))
    files.append(File.generated(config, "reference/cli.md", content=cli_page()))
    files.append(File.generated(config, "reference/http.md", content=http_page()))
    for path in sorted(_linked(Path(config["docs_dir"]))):
        source = str(ROOT / path)
        files.append(File.generated(config, f"{REPOSITORY}/{path}", abs_src_path=source))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links out of docs/ to the site's copies; of a copied page keep only the text."""
    if page.file.src_uri.startswith(f"{REPOSITORY}/"):
        return re.sub(r"\[([^\]]*)\]\((?![a-z]+:)[^)]*\)", r"\1", markdown)
    if "/" in page.file.src_uri:
        return markdown
    markdown = NOTEBOOK.sub(r"](notebooks/\1.md", markdown)
    return OUTSIDE.sub(rf"]({REPOSITORY}/\1", markdown)


def _pages(nav: Any) -> list[str]:
    """Return all pages that the navigation names."""
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [page for entry in entries for page in _pages(entry)]


def _linked(docs: Path) -> set[str]:
    return {
        found
        for page in docs.glob("*.md")
        for found in OUTSIDE.findall(page.read_text("utf-8"))
        if (ROOT / found).is_file() and not found.startswith("notebooks/")
    }
