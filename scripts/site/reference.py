"""Reference pages in Markdown: the API for mkdocstrings, the command line, the HTTP API."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

Schema = Mapping[str, Any]


def api_page(module: str) -> str:
    """Return the page of a module: the names in its ``__all__`` that ``semsig`` does not export."""
    import semsig

    home = import_module(module)
    taken = set() if module == "semsig" else {_identifier("semsig", n) for n in semsig.__all__}
    found = {name: _identifier(module, name) for name in sorted(_public(home), key=str.casefold)}
    parts = [f"# {module}", (inspect.getdoc(home) or "").strip()]
    parts += [_object(name, where) for name, where in found.items() if where not in taken]
    again = [f"[`{name}`][{where}]" for name, where in found.items() if where in taken]
    if again:
        parts.append(f"Also here, described under [semsig](semsig.md): {', '.join(again)}.")
    return "\n\n".join(filter(None, parts)) + "\n"


def _public(module: Any) -> list[str]:
    own = [name for name, value in vars(module).items() if _is_own(module, name, value)]
    return [name for name in getattr(module, "__all__", own) if not name.startswith("__")]


def _is_own(module: Any, name: str, value: object) -> bool:
    return not name.startswith("_") and getattr(value, "__module__", "") == module.__name__


def _identifier(module: str, name: str) -> str:
    """Return where an object is defined; for a type alias, where it is named."""
    home = getattr(import_module(module), "_HOMES", {}).get(name)
    if isinstance(home, tuple):  # an object that needs an optional package is not imported
        return f"{home[0]}.{name}"
    value = getattr(import_module(module), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return f"{value.__module__}.{value.__qualname__}"
    return f"{module}.{name}"


def _object(name: str, identifier: str) -> str:
    return f"::: {identifier}\n    options:\n      heading: {name}\n      toc_label: {name}"


def cli_page() -> str:
    """Return every command with its arguments and options, as in ``--help``."""
    import typer

    from semsig.cli.app import EXIT_CODES, app

    group: Any = typer.main.get_command(app)
    parts = [
        "# Command line",
        "Made from the commands themselves; `semsig COMMAND --help` says the same. Where a command "
        "takes `--json`, it prints one JSON document. `semsig --install-completion` completes "
        "commands, classes, data sets, segmenters and signatures.",
        " ".join(EXIT_CODES.split()),
    ]
    for name, command in sorted(group.commands.items()):
        parts.append(_command(name, command, typer.Context(command, info_name=f"semsig {name}")))
    return "\n\n".join(parts) + "\n"


def _command(name: str, command: Any, context: Any) -> str:
    rows = [_row(p.get_help_record(context), p) for p in command.params if p.name != "help"]
    table = ["| argument or option | meaning |", "| --- | --- |", *rows]
    return "\n\n".join([f"## semsig {name}", _reflowed(command.help or ""), "\n".join(table)])


def _row(record: tuple[str, str] | None, parameter: Any) -> str:
    names, meaning = record or (parameter.name, "")
    return f"| `{_cell(names)}` | {_cell(_plain(meaning))} |"


def http_page() -> str:
    """Return every route of the HTTP API and every document, from its OpenAPI description."""
    from fastapi import FastAPI

    from semsig.server import routes

    app = FastAPI(title="semsig")
    app.include_router(routes.router)
    document = app.openapi()
    parts = [
        "# HTTP API",
        "Made from the OpenAPI document that a server has at `/api/v1/openapi.json`. "
        "[The page and the HTTP API](../serve.md) shows how the routes are used. Errors are "
        "`application/problem+json`.",
        "## Routes",
    ]
    for path, methods in document["paths"].items():
        parts += [_route(f"{method.upper()} {path}", route) for method, route in methods.items()]
    parts.append("## Documents")
    parts += [_document(*item) for item in document["components"]["schemas"].items()]
    return "\n\n".join(parts) + "\n"


def _route(title: str, route: Schema) -> str:
    parts = [f"### `{title}`", _plain(route.get("description", route["summary"]))]
    body = route.get("requestBody", {}).get("content", {})
    parts += [f"Body: {kind}, {_type(given['schema'])}." for kind, given in body.items()]
    for status, answer in route["responses"].items():
        content = (answer.get("content") or {}).items()
        parts += [f"Answer {status}: {_type(a['schema'])}." for _, a in content if "schema" in a]
    given = [
        (p["name"], p["schema"], p.get("required", False)) for p in route.get("parameters", [])
    ]
    return "\n\n".join([*parts, *_fields(given)])


def _document(name: str, schema: Schema) -> str:
    required = schema.get("required", [])
    fields = [(key, value, key in required) for key, value in schema.get("properties", {}).items()]
    return "\n\n".join([f"### {name}", _plain(schema.get("description", "")), *_fields(fields)])


def _fields(fields: list[tuple[str, Schema, bool]]) -> Iterator[str]:
    if fields:
        rows = [
            f"| `{name}` | {_cell(_type(schema))} | {_default(schema, required)} "
            f"| {_cell(_plain(schema.get('description', '')))} |"
            for name, schema, required in fields
        ]
        yield "\n".join(["| name | type | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _default(schema: Schema, required: bool) -> str:
    if required:
        return "required"
    return f"`{schema['default']!r}`" if schema.get("default") not in (None, "") else ""


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.casefold()})"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [
        f"{words} {schema[key]:g}"
        for key, words in (("minimum", "from"), ("maximum", "to"))
        if key in schema
    ]
    return " ".join([schema.get("type", "any"), *limits])


def _reflowed(text: str) -> str:
    """Join the lines of a docstring's paragraphs; text in columns stays as it is."""
    return "\n\n".join(_plain(" ".join(p.split())) for p in text.replace("\b", "").split("\n\n"))


def _plain(text: str) -> str:
    """Escape what HTML or Markdown would read as markup, except in code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([<>*_\[\]])", r"\\\1", p) for p in parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
