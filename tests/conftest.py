"""What tests of several modules share."""

from __future__ import annotations

import sys

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command line in this process; gives (exit code, stdout, stderr)."""
    from semsig.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["semsig", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        captured = capsys.readouterr()
        return done.value.code or 0, captured.out, captured.err

    return run
