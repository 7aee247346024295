"""LLVM code for :mod:`semsig_kernels.vectors`, which documents each function.

It exists only in compiled form, and NUMBA_BOUNDSCHECK does not check it. LLVM splits vectors that
are wider than the CPU's registers.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import register_model

from semsig_kernels._jit import intrinsic, overload, vector_words
from semsig_kernels.simd import Emitted, splat

LANE_WORDS = vector_words()

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_WORDS = ir.VectorType(_I64, LANE_WORDS)
_MASK = ir.VectorType(ir.IntType(1), 64)
_BYTES = ir.VectorType(ir.IntType(8), 64)
_BYTES_32 = ir.VectorType(ir.IntType(8), 32)
_SHORTS = ir.VectorType(ir.IntType(16), 32)
_SHORTS_16 = ir.VectorType(ir.IntType(16), 16)


class _VectorType(types.Type):  # type: ignore[misc]
    """Numba's type of a vector of LANE_WORDS words."""

    def __init__(self) -> None:
        super().__init__(name=f"Vector{LANE_WORDS}")


_VECTOR = _VectorType()


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _WORDS)


def _pointer(context: Any, build: Any, vector: Any, array: Any, value: Any, index: Any) -> Any:
    """Return a pointer to the vector that starts at element `index` of a contiguous array."""
    data = context.make_array(array)(context, build, value).data
    return build.bitcast(build.gep(data, [index]), vector.as_pointer())


def _read(build: Any, pointer: Any, align: int) -> Any:
    vector = build.load(pointer)
    vector.align = align
    return vector


@intrinsic
def load(typing: Any, words: Any, start: Any) -> Emitted:  # noqa: ARG001
    """LLVM code of :func:`semsig_kernels.vectors.load_word`."""

    def emit(context: Any, build: Any, signature: Any, args: Any) -> Any:
        return _read(build, _pointer(context, build, _WORDS, signature.args[0], *args), 8)

    return _VECTOR(words, types.int64), emit


@intrinsic
def store(typing: Any, words: Any, start: Any, vector: Any) -> Emitted:  # noqa: ARG001
    """LLVM code of :func:`semsig_kernels.vectors.store_word`."""

    def emit(context: Any, build: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, build, _WORDS, signature.args[0], *args[:2])
        build.store(args[2], pointer).align = 8
        return context.get_dummy_value()

    return types.void(words, types.int64, _VECTOR), emit


def _define(plain: Any, instruction: str) -> None:
    """Compile a Python operator on two vectors to one LLVM instruction."""

    @intrinsic
    def combine(typing: Any, one: Any, other: Any) -> Emitted:  # noqa: ARG001
        def emit(_: Any, build: Any, __: Any, args: Any) -> Any:
            return getattr(build, instruction)(*args)

        return _VECTOR(_VECTOR, _VECTOR), emit

    @overload(plain)
    def of_vectors(one: Any, other: Any) -> Any:
        if isinstance(one, _VectorType) and isinstance(other, _VectorType):
            return lambda one, other: combine(one, other)
        return None


for _operator, _instruction in (
    (operator.and_, "and_"),
    (operator.or_, "or_"),
    (operator.xor, "xor"),
):
    _define(_operator, _instruction)


@intrinsic
def add_counts(typing: Any, planes: Any, word: Any, shared: Any) -> Emitted:  # noqa: ARG001
    """LLVM code of :func:`semsig_kernels.vectors.add_spread_counts`."""
    return types.void(planes, types.int64, shared), _emit_add_counts


def _emit_add_counts(context: Any, build: Any, signature: Any, args: Any) -> Any:
    # a plane's 64 bits serve as a mask of 64 byte lanes: where set, the plane's weight is or-ed in
    planes = context.make_array(signature.args[0])(context, build, args[0])
    width = build.extract_value(planes.shape, 1)
    zeros = counts = ir.Constant(_BYTES, [0] * 64)
    for plane in range(8):
        index = build.add(args[1], build.mul(width, _I64(plane)))
        mask = build.bitcast(build.load(build.gep(planes.data, [index])), _MASK)
        weight = ir.Constant(_BYTES, [1 << plane] * 64)
        counts = build.or_(counts, build.select(mask, weight, zeros))
    shorts = ir.VectorType(ir.IntType(16), 64)
    start = build.mul(args[1], _I64(64))
    pointer = _pointer(context, build, shorts, signature.args[2], args[2], start)
    added = build.add(_read(build, pointer, 2), build.zext(counts, shorts))
    build.store(added, pointer).align = 2
    return context.get_dummy_value()


@intrinsic
def lanes_below(
    typing: Any,  # noqa: ARG001
    totals: Any,
    first: Any,  # noqa: ARG001
    shared: Any,
    start: Any,  # noqa: ARG001
    rule: Any,
) -> Emitted:
    """LLVM code of :func:`semsig_kernels.vectors.every_below`."""
    return types.uint64(totals, types.int64, shared, types.int64, rule), _emit_lanes_below


def _emit_lanes_below(context: Any, build: Any, signature: Any, args: Any) -> Any:
    of_totals, of_shared = signature.args[0].dtype, signature.args[2].dtype
    lane = ir.IntType(of_totals.bitwidth)
    lanes = ir.VectorType(lane, 64)
    owns = _pointer(context, build, lanes, signature.args[0], *args[:2])
    stored = ir.VectorType(ir.IntType(of_shared.bitwidth), 64)
    commons = _pointer(context, build, stored, signature.args[2], *args[2:4])
    common = _read(build, commons, of_shared.bitwidth // 8)
    if of_shared.bitwidth < lane.width:
        common = build.zext(common, lanes)
    rule = [build.extract_value(args[4], i) for i in range(3)]
    if lane.width < 64:
        rule = [build.trunc(part, lane) for part in rule]
    a, b, c = (splat(build, part, lanes) for part in rule)
    own = _read(build, owns, lane.width // 8)
    left = build.sub(build.mul(a, own), build.mul(b, common))
    return build.bitcast(build.icmp_signed("<", left, c), _I64)


@intrinsic
def highest(typing: Any, scores: Any, start: Any) -> Emitted:  # noqa: ARG001
    """LLVM code of :func:`semsig_kernels.vectors.highest_of_32`."""
    return types.uint16(scores, types.int64), _emit_highest


def _emit_highest(context: Any, build: Any, signature: Any, args: Any) -> Any:
    reduce = cgutils.get_or_insert_function(
        build.module, ir.FunctionType(ir.IntType(16), [_SHORTS]), "llvm.vector.reduce.umax.v32i16"
    )
    scores = _read(build, _pointer(context, build, _SHORTS, signature.args[0], *args), 2)
    return build.call(reduce, [scores])


@intrinsic
def lanes_reaching(typing: Any, scores: Any, start: Any, limit: Any) -> Emitted:  # noqa: ARG001
    """LLVM code of :func:`semsig_kernels.vectors.reaching_of_32`."""
    return types.uint64(scores, types.int64, types.int64), _emit_lanes_reaching


def _emit_lanes_reaching(context: Any, build: Any, signature: Any, args: Any) -> Any:
    scores = _read(build, _pointer(context, build, _SHORTS, signature.args[0], *args[:2]), 2)
    limit = splat(build, build.trunc(args[2], ir.IntType(16)), _SHORTS)
    reaching = build.icmp_unsigned(">=", scores, limit)
    return build.zext(build.bitcast(reaching, _I32), _I64)


@intrinsic
def equal_masked(typing: Any, labels: Any, start: Any, label: Any, lanes: Any) -> Emitted:  # noqa: ARG001
    """LLVM code of :func:`semsig_kernels.vectors.equal_few`; bytes outside `lanes` are not read.

    For AVX-512, which has masked loads; without them LLVM would load byte by byte.
    """
    signature = types.uint64(labels, types.int64, types.int64, types.uint64)
    return signature, _emit_equal_masked


def _emit_equal_masked(context: Any, build: Any, signature: Any, args: Any) -> Any:
    pointer = _pointer(context, build, _BYTES, signature.args[0], *args[:2])
    load = cgutils.get_or_insert_function(
        build.module,
        ir.FunctionType(_BYTES, [_BYTES.as_pointer(), _I32, _MASK, _BYTES]),
        "llvm.masked.load.v64i8.p0",
    )
    zeros, wanted = ir.Constant(_BYTES, [0] * 64), build.bitcast(args[3], _MASK)
    loaded = build.call(load, [pointer, _I32(1), wanted, zeros])
    return build.and_(_equal(build, loaded, args[2]), args[3])


@intrinsic
def equal_64(typing: Any, labels: Any, start: Any, label: Any) -> Emitted:  # noqa: ARG001
    """Bit j of the result says whether ``labels[start + j] == label``, for j < 64."""

    def emit(context: Any, build: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, build, _BYTES, signature.args[0], *args[:2])
        return _equal(build, _read(build, pointer, 1), args[2])

    return types.uint64(labels, types.int64, types.int64), emit


def _equal(build: Any, loaded: Any, label: Any) -> Any:
    every = splat(build, build.trunc(label, ir.IntType(8)), _BYTES)
    return build.bitcast(build.icmp_unsigned("==", loaded, every), _I64)


@intrinsic
def add_lines(
    typing: Any,  # noqa: ARG001
    sums: Any,
    start: Any,  # noqa: ARG001
    lines: Any,
    picked: Any,
    tables: Any,
    first: Any,  # noqa: ARG001
) -> Emitted:
    """LLVM code of :func:`semsig_kernels.vectors.add_128_of_lines`."""
    return types.void(sums, types.int64, lines, picked, tables, types.int64), _emit_add_lines


def _emit_add_lines(context: Any, build: Any, signature: Any, args: Any) -> Any:
    of_sums, of_lines, picked, of_tables = (signature.args[i] for i in (0, 2, 3, 4))
    width = build.extract_value(context.make_array(of_lines)(context, build, args[2]).shape, 1)
    quarters = [build.add(args[1], _I64(32 * quarter)) for quarter in range(4)]
    pointers = [_pointer(context, build, _SHORTS, of_sums, args[0], at) for at in quarters]
    totals = [_read(build, pointer, 2) for pointer in pointers]
    for i in range(picked.count):
        row = build.mul(build.extract_value(args[3], i), width)
        at = build.add(row, build.lshr(args[1], _I64(1)))
        counts = _read(build, _pointer(context, build, _SHORTS, of_lines, args[2], at), 1)
        at = build.mul(build.add(args[5], _I64(i)), _I64(16))
        table = _twice(build, _pointer(context, build, _SHORTS_16, of_tables, args[4], at))
        for quarter in range(4):
            indices = build.lshr(counts, ir.Constant(_SHORTS, [4 * quarter] * 32))
            totals[quarter] = build.add(totals[quarter], _look_up(build, table, indices))
    for pointer, total in zip(pointers, totals, strict=True):
        build.store(total, pointer).align = 2
    return context.get_dummy_value()


def _twice(build: Any, pointer: Any) -> Any:
    """Return a vector of the 16 entries at `pointer`, twice."""
    entries, lanes = _read(build, pointer, 2), ir.VectorType(_I32, 32)
    both = ir.Constant(lanes, [*range(16), *range(16)])
    return build.shuffle_vector(entries, ir.Constant(_SHORTS_16, ir.Undefined), both)


def _look_up(build: Any, table: Any, indices: Any) -> Any:
    """Look up 32 indices, by their low four bits, in a table of 16 entries stored twice.

    AVX-512 permutes by the low five bits; as the table is stored twice, the fifth does not matter.
    AVX2 only looks up bytes: multiplying an index by 257 copies it to both bytes of its lane, and
    the low and the high bytes of the entries are looked up separately.
    """
    if LANE_WORDS == 8:
        return _call(build, "llvm.x86.avx512.permvar.hi.512", _SHORTS, table, indices)
    low = ir.Constant(_SHORTS, [15] * 32)
    both = build.mul(build.and_(indices, low), ir.Constant(_SHORTS, [257] * 32))
    found = []
    for shift, mask in ((0, 0xFF), (8, 0xFF00)):
        shifted = build.lshr(table, ir.Constant(_SHORTS, [shift] * 32))
        part = _look_up_bytes(build, build.trunc(shifted, _BYTES_32), both)
        found.append(build.and_(part, ir.Constant(_SHORTS, [mask] * 32)))
    return build.or_(*found)


def _look_up_bytes(build: Any, table: Any, indices: Any) -> Any:
    """Look up each byte of `indices`, 0..15, in a table of 16 bytes stored twice.

    The instruction looks up within each 128-bit half, and each half holds the whole table.
    """
    halves = []
    for first in (0, 16):
        lanes = ir.Constant(ir.VectorType(_I32, 16), list(range(first, first + 16)))
        half = build.shuffle_vector(indices, ir.Constant(_SHORTS, ir.Undefined), lanes)
        wanted = build.bitcast(half, _BYTES_32)
        found = _call(build, "llvm.x86.avx2.pshuf.b", _BYTES_32, table, wanted)
        halves.append(build.bitcast(found, half.type))
    return build.shuffle_vector(*halves, ir.Constant(ir.VectorType(_I32, 32), list(range(32))))


def _call(build: Any, name: str, result: Any, *args: Any) -> Any:
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return build.call(cgutils.get_or_insert_function(build.module, kind, name), args)
