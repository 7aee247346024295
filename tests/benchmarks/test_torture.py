"""The torture runs, counts outcomes, and tells wrong answers from right ones."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.torture.tries import Outcome, outcome_of
from semsig.errors import IndexCorruptError

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and reads /proc"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def raising(error):
    def attempt():
        raise error

    return attempt


def crashing(by):
    def attempt():
        faulthandler.disable()
        os.kill(os.getpid(), by)
        return True

    return attempt


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (lambda: True, Outcome.RIGHT),
        (lambda: False, Outcome.WRONG),
        (raising(IndexCorruptError("named")), Outcome.NAMED),
        (raising(OSError(5, "named")), Outcome.NAMED),
        (raising(KeyError("x")), Outcome.TRACEBACK),
        (raising(RecursionError()), Outcome.TRACEBACK),
        (raising(SystemExit(0)), Outcome.TRACEBACK),
        (crashing(signal.SIGSEGV), Outcome.CRASH),
        (crashing(signal.SIGBUS), Outcome.CRASH),
        (lambda: os._exit(3), Outcome.CRASH),
        (lambda: time.sleep(60) or True, Outcome.HANG),
    ],
)
def test_each_outcome_is_told_from_the_others(attempt, expected):
    assert outcome_of(attempt, limit=2)[0] == expected


@pytest.mark.slow
def test_a_short_torture_finds_nothing_and_tells_so():
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "benchmarks.torture", "--seconds", "2"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines()][2:]
    assert len(rows) == 12
    for _, tries, right, named, *bad in rows:
        assert int(tries) == int(right) + int(named) > 0
        assert list(map(int, bad)) == [0, 0, 0, 0]


@pytest.mark.slow
def test_a_wrong_answer_is_found_and_ends_in_an_error():
    """With checksums left out, damage that gives other valid values is a wrong answer."""
    root = Path(__file__).parents[2]
    code = (
        "import sys\n"
        "from semsig.storage import columns\n"
        "columns.StoredColumn._compare = lambda self, found: None\n"
        "from benchmarks.torture.__main__ import main\n"
        "sys.argv = ['torture', '--seconds', '8', '--only', 'damaged files of an index']\n"
        "raise SystemExit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "WRONG" in done.stderr
