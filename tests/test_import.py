"""Importing semsig, and asking its command for help, must stay light."""

from __future__ import annotations

import subprocess
import sys

import pytest

from semsig import ClassTable, HammingIndex, SbsBatch, SbsSchema, SbsSignature

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


def loaded_by(program):
    """Names of the packages that a program in a process of its own has imported at its end."""
    program += (
        "\nimport sys; print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("program", [IMPORT, HELP], ids=["import semsig", "semsig --help"])
def test_nothing_heavy_is_imported(program):
    loaded = loaded_by(program)
    assert "semsig" in loaded
    assert not loaded & HEAVY


def test_help_needs_no_numpy():
    assert "numpy" not in loaded_by(HELP)


def test_an_engine_is_opened_without_kernels(tmp_path):
    schema = SbsSchema(1, ClassTable("ab"))
    index = HammingIndex(schema, meta={"segmenter": "lite", "segmenter_fingerprint": "f"})
    index.add(SbsSignature([3], schema))
    index.save(tmp_path / "index")
    program = f"import semsig; print(len(semsig.Engine.open({str(tmp_path / 'index')!r})))"
    assert not loaded_by(program) & (HEAVY - {"PIL"})


def test_every_public_name_can_be_imported():
    import semsig

    for name in semsig.__all__:
        assert getattr(semsig, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    import semsig

    with pytest.raises(AttributeError, match="Egnine"):
        _ = semsig.Egnine


def test_the_first_search_among_few_needs_no_kernels_and_the_next_has_the_same_answer(tmp_path):
    schema = SbsSchema(1, ClassTable("ab"))
    index = HammingIndex(schema)
    index.add(SbsBatch.of([SbsSignature([3], schema), SbsSignature([2, 5], schema)]))
    index.save(tmp_path / "index")
    program = f"""
import semsig, sys
index = semsig.HammingIndex.open({str(tmp_path / "index")!r})
query = semsig.SbsSignature([2], index.schema)
first = [part.tolist() for part in index.search(query, 2, metric="tanimoto-idf")]
assert "numba" not in sys.modules
assert [part.tolist() for part in index.search(query, 2, metric="tanimoto-idf")] == first
"""
    assert "numba" in loaded_by(program)
