"""The narrower vectors give the same answers; the tests themselves run with the widest."""

import os
import subprocess
import sys

import pytest
from semsig_kernels._jit import SIMD_PATHS, jit_enabled, simd

NARROWER = SIMD_PATHS[: SIMD_PATHS.index(simd())]


def test_the_environment_can_ask_for_less_only(monkeypatch):
    monkeypatch.setenv("SEMSIG_SIMD", "portable")
    assert simd() == "portable"
    monkeypatch.setenv("SEMSIG_SIMD", SIMD_PATHS[-1])
    assert not jit_enabled() or simd() in (*NARROWER, simd())
    monkeypatch.setenv("SEMSIG_SIMD", "neon")
    with pytest.raises(ValueError, match="one of portable, avx2, avx512"):
        simd()


def test_an_empty_environment_variable_asks_for_nothing(monkeypatch):
    monkeypatch.delenv("SEMSIG_SIMD", raising=False)
    best = simd()
    monkeypatch.setenv("SEMSIG_SIMD", "")
    assert simd() == best


@pytest.mark.slow
@pytest.mark.parametrize("path", NARROWER)
def test_narrower_vectors_pass_the_same_tests(path):
    names = ("vectors", "quadtree", "bitmaps", "bounds")
    tests = [f"tests/kernels/test_{name}.py" for name in names]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests],
        env={**os.environ, "SEMSIG_SIMD": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
