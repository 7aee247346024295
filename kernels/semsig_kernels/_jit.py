"""The one place that names Numba's compile options, and that asks what the machine can do.

Compiled kernels are kept on disk, see :mod:`semsig_kernels._cache`, so only the first call after
an install compiles. ``nogil`` lets other Python threads run. ``fastmath`` stays off: results must
be the same on every machine.

A cached kernel is stale when its own file changes, and when a helper in another file does: a
digest of all files of this package names the folder that kernels are kept in.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite.binding
import numba
import numba.extending

from semsig_kernels._cache import KernelCache, find_folder

Kernel = TypeVar("Kernel", bound=Callable[..., object])

SIMD_PATHS = ("portable", "avx2", "avx512")
"""From the narrowest vectors to the widest."""


def _digest_sources() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def kernel(function: Kernel) -> Kernel:
    """Compile a kernel, or a helper that kernels call."""
    compiled = numba.njit(nogil=True)(function)
    if jit_enabled():
        compiled._cache = KernelCache(function, _FOLDER)
    return cast(Kernel, compiled)


def inlined(function: Kernel) -> Kernel:
    """Copy a helper into the kernels that call it: a call that passes arrays costs about 0.1 us."""
    return cast(Kernel, numba.njit(inline="always")(function))


def intrinsic(emit: Callable[..., object]) -> Callable[..., Any]:
    """Make a function of LLVM code, for kernels to call; it does not exist without the JIT."""
    return cast(Callable[..., Any], numba.extending.intrinsic(emit))


def overload(plain: Callable[..., object]) -> Callable[[Kernel], Kernel]:
    """Say what kernels compile where they call `plain`."""
    return cast(Callable[[Kernel], Kernel], numba.extending.overload(plain, strict=False))


def jit_enabled() -> bool:
    """Whether kernels are compiled; with NUMBA_DISABLE_JIT=1 they run as plain Python."""
    return not numba.config.DISABLE_JIT


def simd() -> str:
    """Return the widest vectors that compiled kernels may use, as SIMD_PATHS names them.

    "portable" without the JIT, and when Numba is told to compile for another CPU than this one
    (NUMBA_CPU_NAME). The environment variable SEMSIG_SIMD can only ask for less; ValueError if it
    names no path.
    """
    features = llvmlite.binding.get_host_cpu_features()
    best = "portable"
    if jit_enabled() and not numba.config.CPU_NAME:
        if features.get("avx512f") and features.get("avx512bw"):
            best = "avx512"
        elif features.get("avx2"):
            best = "avx2"
    asked = os.environ.get("SEMSIG_SIMD") or best
    if asked not in SIMD_PATHS:
        raise ValueError(
            f"SEMSIG_SIMD is one of {', '.join(SIMD_PATHS)}, or unset; {asked!r} came."
        )
    return min(asked, best, key=SIMD_PATHS.index)


def vector_words() -> int:
    """Return how many 8-byte words a vector of :func:`simd` has."""
    return {"portable": 1, "avx2": 4, "avx512": 8}[simd()]


_FOLDER = find_folder(f"{_digest_sources()}-{simd()}") if jit_enabled() else None
