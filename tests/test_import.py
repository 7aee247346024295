"""Importing semsig, and asking its command for help, must stay light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"numba", "llvmlite", "cv2", "onnxruntime", "torch", "sklearn", "scipy", "PIL"}

IMPORT = "import semsig; dir(semsig)"
HELP = """
import sys
from semsig.cli import main
sys.argv = ["semsig", "--help"]
try:
    main()
except SystemExit as done:
    assert done.code == 0
"""


@pytest.mark.parametrize("program", [IMPORT, HELP], ids=["import semsig", "semsig --help"])
def test_nothing_heavy_is_imported(program):
    program += (
        "\nimport sys; print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert "semsig" in loaded
    assert not loaded & HEAVY


def test_every_public_name_can_be_imported():
    import semsig

    for name in semsig.__all__:
        assert getattr(semsig, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    import semsig

    with pytest.raises(AttributeError, match="Egnine"):
        _ = semsig.Egnine
