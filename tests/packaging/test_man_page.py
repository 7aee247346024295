"""The manual page is the parser's own, and man can read it."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from semsig.cli.app import app

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "semsig.1"


def test_the_page_is_that_of_the_commands():
    program = runpy.run_path(str(ROOT / "scripts" / "man_page.py"))
    assert PAGE.read_text("utf-8") == program["page"](), "run: python scripts/man_page.py"


def test_every_command_and_option_is_on_it():
    text = PAGE.read_text("utf-8").replace(r"\-", "-")
    commands = typer.main.get_command(app).commands
    assert len(commands) > 20
    for name, command in commands.items():
        _, _, part = text.partition(f"\\fBsemsig {name}\\fR")
        part = part.partition("\n.SS\n")[0]
        missing = [o for parameter in command.params for o in parameter.opts
                   if o.startswith("-") and f"\\fB{o}\\fR" not in part]  # fmt: skip
        assert (name, missing) == (name, [])


def test_mandoc_finds_nothing_worse_than_style():
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    command = ["mandoc", "-T", "lint", "-W", "warning", str(PAGE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
