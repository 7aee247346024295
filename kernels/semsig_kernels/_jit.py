"""The one place that names Numba's compile options.

``cache=True`` keeps compiled kernels on disk beside the source (or in NUMBA_CACHE_DIR), so
only the first call after an install compiles. ``nogil`` lets other Python threads run.
``fastmath`` stays off: results must be the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Compile a sequential kernel."""
    return cast(Kernel, numba.njit(cache=True, nogil=True)(function))


def parallel_kernel(function: Kernel) -> Kernel:
    """Compile a kernel whose ``prange`` iterations each write their own slot only."""
    return cast(Kernel, numba.njit(cache=True, nogil=True, parallel=True)(function))


def inline(function: Kernel) -> Kernel:
    """Compile a helper into its callers; keep it in their file, or the cache goes stale."""
    return cast(Kernel, numba.njit(cache=True, nogil=True, inline="always")(function))
