"""What `semsig --install-completion` installs works in the shells themselves."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time

import pytest

PROGRAM = "import sys; sys.argv[0] = 'semsig'; from semsig.cli import main; main()"
DEADLINE = 60
"""Seconds that a shell may take to complete a word."""


@pytest.fixture
def shell(tmp_path):
    """Return a function: the shell's path, its script of completion, and variables for both."""

    def of(name):
        path = shutil.which(name)
        if path is None or os.name != "posix":
            pytest.skip(f"{name} is not installed")
        command = tmp_path / "semsig"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{PROGRAM}" "$@"\n')
        command.chmod(0o755)
        environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        asked = environment | {"_SEMSIG_COMPLETE": f"source_{name}"}
        script = tmp_path / f"completion.{name}"
        script.write_bytes(subprocess.run([command], env=asked, capture_output=True).stdout)
        return path, script, environment | {"HOME": str(tmp_path), "TERM": "dumb"}

    return of


def test_bash(shell):
    path, script, environment = shell("bash")
    program = (
        f"source {script}; COMP_WORDS=(semsig evaluate wa); COMP_CWORD=2; "
        '_semsig_completion semsig; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run([path, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["wang"]


def test_fish(shell):
    path, script, environment = shell("fish")
    program = f"source {script}; complete -C 'semsig evaluate wa'; complete -C 'semsig dup'"
    done = subprocess.run([path, "-c", program], env=environment, capture_output=True, text=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["wang", "duplicates"]


def test_zsh(shell):
    """zsh completes only what is typed at a terminal."""
    path, script, environment = shell("zsh")
    primary, secondary = os.openpty()
    with subprocess.Popen(
        [path, "-f", "-i"], stdin=secondary, stdout=secondary, stderr=secondary, env=environment
    ) as zsh:
        try:
            os.write(primary, f"autoload -U compinit; compinit -u -D; . {script}; ".encode())
            os.write(primary, b"echo REA''DY\n")
            read_until(primary, b"READY")
            os.write(primary, b"semsig evaluate wa\t")
            read_until(primary, b"wang ")
        finally:
            zsh.kill()
            os.close(primary)
            os.close(secondary)


def read_until(terminal: int, wanted: bytes) -> None:
    got = b""
    end = time.monotonic() + DEADLINE
    while wanted not in got:
        assert time.monotonic() < end, f"expected {wanted!r}, got {got!r}"
        if select.select([terminal], [], [], 1)[0]:
            got += os.read(terminal, 4096)
