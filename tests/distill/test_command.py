"""The command line offers every option, and states the defaults as they are."""

import inspect
from dataclasses import fields
from importlib.util import find_spec
from typing import get_type_hints

import pytest
from typer.testing import CliRunner

from semsig.cli.app import app
from semsig.cli.training import distill
from semsig.distill import DistillOptions
from semsig.errors import OptionError

NAMES = {"compile": "compile_network"}
HINTS = get_type_hints(distill, include_extras=True)


def test_every_option_is_on_the_command_line():
    offered = set(inspect.signature(distill).parameters) - {"as_json"}
    assert offered == {NAMES.get(field.name, field.name) for field in fields(DistillOptions)}


@pytest.mark.parametrize(
    "field",
    [f for f in fields(DistillOptions) if type(f.default) in (int, float)],
    ids=lambda field: field.name,
)
def test_the_help_states_the_default(field):
    option = HINTS[field.name].__metadata__[0]
    assert f"({field.default:,})" in option.help or f"({field.default:g})" in option.help


def test_a_wrong_option_is_named(tmp_path):
    arguments = ["distill", str(tmp_path), "--teacher", "labels:x", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*arguments, "--stages", "100:1"])
    assert isinstance(result.exception, OptionError)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_without_torch_it_says_what_to_install(tmp_path):
    arguments = ["distill", str(tmp_path), "--teacher", "labels:x", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert ".[mmseg]" in str(result.exception)
