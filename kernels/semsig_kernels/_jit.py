"""The one place that names Numba's compile options, and that asks what the machine can do.

``cache=True`` keeps compiled kernels on disk beside the source (or in NUMBA_CACHE_DIR), so
only the first call after an install compiles. ``nogil`` lets other Python threads run.
``fastmath`` stays off: results must be the same on every machine.

Numba drops a cached kernel when the kernel's own file changes, but not when a helper in
another file does. A digest of all files of this package is therefore part of every kernel's
cache name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite.binding
import numba
import numba.extending

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def _digest_sources() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


_DIGEST = _digest_sources()


def kernel(function: Kernel) -> Kernel:
    """Compile a kernel, or a helper that kernels call."""
    name = function.__qualname__
    function.__qualname__ = f"{name}-{_DIGEST}"
    compiled = numba.njit(cache=True, nogil=True)(function)
    function.__qualname__ = name
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


def has_avx512() -> bool:
    """Whether compiled kernels may use 64-byte vectors (AVX-512 F and BW).

    False when Numba is told to compile for another CPU than this one (NUMBA_CPU_NAME).
    """
    if not jit_enabled() or numba.config.CPU_NAME:
        return False
    features = llvmlite.binding.get_host_cpu_features()
    return bool(features.get("avx512f") and features.get("avx512bw"))
