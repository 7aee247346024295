"""CPU instructions that Numba does not offer: bit counts, trailing zeros and prefetching.

Under NUMBA_DISABLE_JIT=1 their Python versions run instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from semsig_kernels._jit import intrinsic, overload

_I1, _I8, _I32 = (ir.IntType(width) for width in (1, 8, 32))

Emitted = tuple[Any, Any]
"""A Numba signature and the function that emits its LLVM code."""


def popcount(word: np.uint64) -> np.uint64:
    """Return the number of set bits of a 64-bit word."""
    return np.uint64(int(word).bit_count())


def trailing_zeros(word: np.uint64) -> np.uint64:
    """Return the number of zero bits below the lowest set bit of a 64-bit word that is not 0."""
    return np.uint64((int(word) & -int(word)).bit_length() - 1)


@intrinsic
def _ctpop(typing: Any, word: Any) -> Emitted:  # noqa: ARG001
    return types.uint64(types.uint64), lambda _, build, __, args: build.ctpop(args[0])


@intrinsic
def _cttz(typing: Any, word: Any) -> Emitted:  # noqa: ARG001
    defined_at_zero = ir.Constant(_I1, 0)
    return types.uint64(types.uint64), lambda _, build, __, args: build.cttz(
        args[0], defined_at_zero
    )


@overload(popcount)
def _popcount(word: Any) -> Any:  # noqa: ARG001
    return lambda word: _ctpop(word)


@overload(trailing_zeros)
def _trailing_zeros(word: Any) -> Any:  # noqa: ARG001
    return lambda word: _cttz(word)


def prefetch(array: Any, index: Any) -> None:
    """Hint to load the cache line of ``array[index]``; harmless if `index` is out of bounds."""


@intrinsic
def _prefetch_line(typing: Any, array: Any, index: Any) -> Emitted:  # noqa: ARG001
    return types.void(array, types.int64), _emit_prefetch


def _emit_prefetch(context: Any, build: Any, signature: Any, args: Any) -> Any:
    data = context.make_array(signature.args[0])(context, build, args[0]).data
    pointer = build.bitcast(build.gep(data, [args[1]]), _I8.as_pointer())
    hint = cgutils.get_or_insert_function(
        build.module,
        ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32]),
        "llvm.prefetch.p0",
    )
    read, keep, data_cache = (ir.Constant(_I32, value) for value in (0, 3, 1))
    build.call(hint, [pointer, read, keep, data_cache])
    return context.get_dummy_value()


@overload(prefetch)
def _prefetch(array: Any, index: Any) -> Any:  # noqa: ARG001
    return lambda array, index: _prefetch_line(array, index)


def splat(build: Any, scalar: Any, vector: Any) -> Any:
    """Return `scalar` in every lane of a value of type `vector`."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = build.insert_element(undefined, scalar, ir.Constant(_I32, 0))
    everywhere = ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count)
    return build.shuffle_vector(first, undefined, everywhere)
