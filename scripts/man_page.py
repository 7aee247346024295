"""Write the manual page of `semsig` from its parser.

python scripts/man_page.py [FILE]
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from semsig import __version__
from semsig.cli.app import EXIT_CODES, app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "semsig.1"


ENVIRONMENT = {
    "SEMSIG_INDEX": "The index that commands read when none is named.",
    "SEMSIG_CACHE": "Folder of downloaded networks, instead of the system's cache folder.",
    "SEMSIG_TOKEN": "What clients of `semsig serve` must know.",
    "SEMSIG_SIMD": "Vectors that the kernels use: portable, avx2 or avx512. Unset: the widest.",
    "NUMBA_NUM_THREADS": "Threads that a search may use. Unset: all cores.",
    "NUMBA_CACHE_DIR": "Folder of compiled kernels.",
}

FILES = """Downloaded networks are kept in the system's cache folder (~/.cache/semsig on Linux), the
list of trusted networks in its folder of settings (~/.config/semsig)."""

EXAMPLES = (
    r"semsig index photos/ \-\-index my\-index",
    r"semsig search query.jpg \-\-index my\-index",
    r'semsig search "beach with two people, no boat" \-\-index my\-index',
)


def page() -> str:
    """Return the manual page as roff."""
    command: Any = typer.main.get_command(app)
    return "\n".join([*_head(command), *_commands(command), *_tail()]) + "\n"


def _head(command: Any) -> Iterator[str]:
    yield f'.TH SEMSIG 1 "2026-11-28" "semsig {__version__}" "User Commands"'
    summary = _text(command.help).rstrip(".")
    yield from (".SH NAME", rf"semsig \- {summary[0].lower()}{summary[1:]}")
    yield from (".SH SYNOPSIS", r"\fBsemsig\fR \fICOMMAND\fR [\fIARGUMENT\fR ...]")
    yield from (".SH DESCRIPTION", _text(command.help))
    yield _text(
        "Each photo is segmented into classes such as sky, sea and person; a signature of bits "
        "says which class lies where, and photos are compared by their signatures."
    )
    yield from (".SH OPTIONS", *_options(command))


def _commands(group: Any) -> Iterator[str]:
    yield ".SH COMMANDS"
    for name, command in group.commands.items():
        arguments = [_argument(p) for p in command.params if p.param_type_name == "argument"]
        yield from (".SS", rf"\fBsemsig {name}\fR " + " ".join([*arguments, "[options]"]))
        yield _text(command.help)
        yield from _options(command)


def _options(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.hidden:
            continue
        is_option = parameter.param_type_name == "option"
        yield ".TP"
        yield _option(parameter) if is_option else _argument(parameter)
        yield _text((parameter.help or "") + _default(parameter)) or "\\&"


def _option(option: Any) -> str:
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in [*option.opts, *option.secondary_opts])
    value = option.metavar or option.name.removeprefix("as_").upper()
    return names if option.is_flag else rf"{names} \fI{_text(value)}\fR"


def _argument(argument: Any) -> str:
    name = _text(argument.metavar or argument.name.upper()).strip("[]")
    name = rf"\fI{name}\fR" + (" ..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _default(parameter: Any) -> str:
    value = parameter.default
    shown = isinstance(value, str | int | float) and not isinstance(value, bool) and value != ""
    return f" Default: {value}." if shown and parameter.show_default else ""


def _tail() -> Iterator[str]:
    yield from (".SH EXIT STATUS", _text(EXIT_CODES.removeprefix("Exit codes: ")))
    yield ".SH ENVIRONMENT"
    for name, meaning in ENVIRONMENT.items():
        yield from (".TP", rf"\fB{name}\fR", _text(meaning))
    yield from (".SH FILES", _text(FILES))
    yield from (".SH EXAMPLES", ".nf", *EXAMPLES, ".fi")


def _text(text: str | None) -> str:
    """Return `text` in short lines, with lines that roff would read as requests escaped."""
    plain = (text or "").replace("\\", r"\e").replace("-", r"\-")
    lines = textwrap.wrap(plain, 76, break_long_words=False, break_on_hyphens=False)
    return "\n".join(rf"\&{line}" if line[0] in ".'" else line for line in lines)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.write_text(page(), "utf-8")
