"""What goes to the terminal: tables and JSON to stdout, progress and remarks to stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console


def stdout() -> Console:
    """Return the console for answers."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, emoji=False)


def stderr() -> Console:
    """Return the console for progress, remarks and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def remark(text: str) -> None:
    """Print a line to stderr."""
    stderr().print(_plain(text), markup=False)


def answer(text: str) -> None:
    """Print a line to stdout."""
    stdout().print(_plain(text), markup=False)


def answer_json(document: Any) -> None:
    """Print one JSON document to stdout."""
    print(json.dumps(document, indent=1))


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows (done, total) with rate and time left, on a terminal only."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:,.1f}/s", style="cyan")

    console = stderr()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def download_bar(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function that shows (bytes so far, total bytes), on a terminal only."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = stderr()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks that reorder what a terminal shows after them."""


def one_line(text: str) -> str:
    """Return a text with escapes for control characters, such as tabs in a file name."""
    return re.sub(rf"[\x00-\x1f\x7f-\x9f{_BIDI}]", _escaped, text)


def _plain(text: str) -> str:
    """Return lines with escapes for all control characters but those that end lines."""
    return re.sub(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}]", _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def size(n_bytes: int) -> str:
    """Return a number of bytes as people read it."""
    amount = float(n_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"
