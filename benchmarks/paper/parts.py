"""What a report is made of, as Markdown and as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Protocol


class Part(Protocol):
    """A piece of a report."""

    def markdown(self) -> str:
        """Return it as GitHub's Markdown."""
        ...

    def html(self) -> str:
        """Return it as HTML."""
        ...


@dataclass(frozen=True, slots=True)
class Heading:
    """A section's title."""

    text: str

    def markdown(self) -> str:
        return f"## {self.text}"

    def html(self) -> str:
        return f"<h2>{escape(self.text)}</h2>"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str

    def markdown(self) -> str:
        return self.text

    def html(self) -> str:
        return f"<p>{escape(self.text)}</p>"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below a header; a cell that begins with a digit or sign is set to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)

    def html(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self.header)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture beside the report."""

    file: str
    caption: str

    def markdown(self) -> str:
        return f"![{self.caption}]({self.file})"

    def html(self) -> str:
        caption = f"<figcaption>{escape(self.caption)}</figcaption>"
        return f'<figure><img src="{escape(self.file)}" alt="">{caption}</figure>'


def _cell(text: str) -> str:
    right = ' class="n"' if text[:1].isdigit() or text[:1] in "-+–" else ""
    return f"<td{right}>{escape(text)}</td>"


_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}
th,td{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1rem 0}img{max-width:100%}"""


def as_markdown(title: str, parts: Iterable[Part]) -> str:
    """Return a whole report as Markdown."""
    return "\n\n".join([f"# {title}", *(part.markdown() for part in parts)]) + "\n"


def as_html(title: str, parts: Iterable[Part]) -> str:
    """Return a whole report as an HTML page."""
    body = "\n".join(part.html() for part in parts)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>\n{body}\n</html>\n"
    )
