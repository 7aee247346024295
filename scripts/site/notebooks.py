"""Run the notebooks, and write them with their output as Markdown pages.

``python -m scripts.site.notebooks OUT [NAME ...]`` runs those of ``notebooks/``, each in its own
kernel.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
_SECONDS = 120
"""Time limit of a cell in seconds."""


def main(out: str, *names: str) -> None:
    """Write the pages of the named notebooks, or of all, to a folder."""
    Path(out).mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.py")):
        if not names or path.stem in names:
            Path(out, f"{path.stem}.md").write_text(page(path), "utf-8")


def page(path: Path) -> str:
    """Return a notebook, run from its first cell to its last, as Markdown.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    """
    notebook = jupytext.read(path)
    client = NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3")
    client.extra_arguments = ["--log-level=ERROR"]  # it warns about its own local sockets
    client.execute()
    parts = [part for cell in notebook.cells for part in _cell(cell)]
    source = f"*Made from `notebooks/{path.name}`, which Jupyter opens by jupytext.*"
    return "\n\n".join([parts[0], source, *parts[1:]]) + "\n"


def _cell(cell: Any) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield cell.source
    elif cell.source.strip():
        yield f"```python\n{cell.source.strip()}\n```"
        yield from filter(None, map(_output, cell.outputs))


def _output(output: Any) -> str:
    """Return the output of a cell as a block of Markdown or HTML."""
    if output.output_type == "stream":
        return f"```\n{output.text.rstrip()}\n```"
    data = output.get("data", {})
    if "text/markdown" in data:
        return str(data["text/markdown"])
    if "text/html" in data:
        return _shown(data["text/html"])
    if "image/png" in data:
        content = data["image/png"].replace("\n", "")
        return _shown(f'<img alt="{_named(output)}" src="data:image/png;base64,{content}">')
    return f"```\n{data['text/plain']}\n```" if "text/plain" in data else ""


def _named(output: Any) -> str:
    return html.escape(output.data.get("text/plain", "a picture").split(" at 0x")[0].strip("<>"))


def _shown(element: str) -> str:
    """Wrap HTML so that Markdown does not change it: a blank line would end it early."""
    lines = "\n".join(filter(str.strip, element.splitlines()))
    return f'<div class="notebook-output">\n{lines}\n</div>'


if __name__ == "__main__":
    main(*sys.argv[1:])
