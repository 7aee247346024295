"""The pages that semsig writes, as templates: those of reports, and those of the server."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(name: str, **values: Any) -> str:
    """Return a page.

    Parameters
    ----------
    name : str
        File name of a template of this folder.
    **values
        What it names. Texts are escaped, and what is no Unicode in them becomes question marks.
    """
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_written,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _written(value: Any) -> Any:
    """Return a text without the halves of characters that file names can hold."""
    return value.encode("utf-8", "replace").decode() if type(value) is str else value
