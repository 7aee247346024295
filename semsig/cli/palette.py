"""The command palette: the colours that layouts are painted in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsig.cli.console import answer, answer_json
from semsig.cli.options import Json, make_room, require_picture, save_picture


def palette(
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write a picture to pick colours from (PNG), or a palette for GIMP, Krita and "
            "Inkscape (.gpl).",
            dir_okay=False,
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(envvar="SEMSIG_INDEX", help="The index whose classes to list."),
    ] = None,
    table: Annotated[
        str, typer.Option("--classes", help="A built-in class table instead of an index.")
    ] = "semsig54",
    as_json: Json = False,
) -> None:
    """List the classes' colours, in which layouts for `search --layout` are painted."""
    from semsig.classes import ClassTable
    from semsig.durable import write_file
    from semsig.report import gimp_palette, palette_picture
    from semsig.search import HammingIndex

    if out is not None and out.suffix.lower() != ".gpl":
        require_picture(out)
    make_room(out, make_folders=False)
    classes = HammingIndex.open(index).schema.classes if index else ClassTable.builtin(table)
    if out is not None and out.suffix.lower() == ".gpl":
        write_file(out, gimp_palette(classes).encode())
    elif out is not None:
        save_picture(palette_picture(classes), out)
    pairs = zip(classes.names, classes.palette, strict=True)
    colors = {name: "#{:02x}{:02x}{:02x}".format(*color) for name, color in pairs}
    if as_json:
        answer_json({"classes": classes.name, "colors": colors, "out": out and str(out)})
    elif out is not None:
        answer(f"{len(classes)} colours of {classes.name} in {out}")
    else:
        for name, color in colors.items():
            answer(f"{color}  {name}")
