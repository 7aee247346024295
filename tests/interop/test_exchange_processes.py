"""Other processes search and change an index that this one has open, as the documentation says."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import multiprocessing, sys
from semsig import HammingIndex

path, method = sys.argv[1:]
index = None


def nearest(id_):
    here = index or HammingIndex.open(path)
    return here.search(here.signature(id_), 3)[1].tolist()


def remove(id_):
    here = index or HammingIndex.open(path)
    here.remove(id_)


if __name__ == "__main__":
    index = HammingIndex.open(path)
    expected = [nearest(id_) for id_ in (3, 5)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(nearest, (3, 5)) == expected
        pool.apply(remove, (3,))
    assert index.refresh()
    print("done", len(index))
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_one_index(stored, tmp_path, method):
    if method == "fork" and sys.platform in ("win32", "darwin"):
        pytest.skip("this system does not fork safely")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(stored.path), method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == f"done {len(stored) - 1}\n", done.stderr
