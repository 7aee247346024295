"""The only module that sets Numba's compile options and detects CPU features.

Compiled kernels are kept on disk, see :mod:`semsig_kernels._cache`, so only the first call after
an installation compiles. ``nogil`` lets other Python threads run. ``fastmath`` stays off, because
results must be the same on every machine.

A cached kernel is out of date if its own file changes, or the file of a helper that it calls.
Therefore a digest of all files of this package is part of the name of the cache folder.
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
    """Compile a kernel, or a helper that kernels call, with the cache on disk."""
    compiled = numba.njit(nogil=True)(function)
    if jit_enabled():
        compiled._cache = KernelCache(function, _FOLDER)
    return cast(Kernel, compiled)


def inlined(function: Kernel) -> Kernel:
    """Inline a helper into its callers: a call that passes arrays costs about 0.1 us."""
    return cast(Kernel, numba.njit(inline="always")(function))


def intrinsic(emit: Callable[..., object]) -> Callable[..., Any]:
    """Make a function from LLVM code that kernels can call; it exists only with the JIT."""
    return cast(Callable[..., Any], numba.extending.intrinsic(emit))


def overload(plain: Callable[..., object]) -> Callable[[Kernel], Kernel]:
    """Register what kernels compile in place of a call of `plain`."""
    return cast(Callable[[Kernel], Kernel], numba.extending.overload(plain, strict=False))


def jit_enabled() -> bool:
    """Whether kernels are compiled; with NUMBA_DISABLE_JIT=1 they run as plain Python."""
    return not numba.config.DISABLE_JIT


def simd() -> str:
    """Return the widest vectors that compiled kernels may use, one of SIMD_PATHS.

    "portable" without the JIT, or if Numba is told to compile for another CPU than this one
    (NUMBA_CPU_NAME). The environment variable SEMSIG_SIMD can only select narrower vectors;
    ValueError if it is not one of SIMD_PATHS.
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
            f"Expected SEMSIG_SIMD to be one of {', '.join(SIMD_PATHS)}, or unset; got {asked!r}."
        )
    return min(asked, best, key=SIMD_PATHS.index)


def vector_words() -> int:
    """Return the number of 8-byte words in a vector of the width that :func:`simd` returns."""
    return {"portable": 1, "avx2": 4, "avx512": 8}[simd()]


_FOLDER = find_folder(f"{_digest_sources()}-{simd()}") if jit_enabled() else None
