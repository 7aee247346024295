"""Read the operators of a network file from its bytes, before any of it is run.

ONNX is a protocol buffer (onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); of
its many fields only the few that name operators are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_NAMES = """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Clip Concat
    Constant ConstantOfShape Conv ConvInteger ConvTranspose CumSum DepthToSpace DequantizeLinear
    Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand Flatten Floor Gather
    GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
    GridSample GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization MatMul
    MatMulInteger Max MaxPool Min Mish Mod Mul Neg NonZero Not OneHot Or PRelu Pad Pow QLinearConv
    QLinearMatMul QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round
    ScatterElements ScatterND Selu Shape Sigmoid Sign Size Slice Softmax Softplus SpaceToDepth
    Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
"""
OPERATORS = frozenset(_NAMES.split())
"""The operators of networks that label pictures: each ends, in time bounded by its input's size."""

_DOMAINS = ("", "ai.onnx")

_MODEL_GRAPH, _MODEL_FUNCTIONS = 7, 25
_GRAPH_NODE, _FUNCTION_NODE = 1, 7
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS = 6, 11

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Operator(NamedTuple):
    """An operator of a graph; the domain of ONNX's own operators is empty."""

    name: str
    domain: str = ""


def refused(content: bytes) -> list[str]:
    """Return the names of the operators that are not in :data:`OPERATORS`, sorted.

    Raises
    ------
    ValueError
        If the bytes are not the protocol buffer of a model with a graph.
    """
    odd = {
        f"{domain}.{name}" if domain not in _DOMAINS else name
        for name, domain in operators(content)
        if name not in OPERATORS or domain not in _DOMAINS
    }
    return sorted(odd)


def operators(content: bytes) -> set[Operator]:
    """Return every operator of a model: in its graph, in nested graphs, and in its functions.

    Raises
    ------
    ValueError
        As :func:`refused` does.
    """
    found: set[Operator] = set()
    graphs: list[tuple[memoryview, int]] = []
    for number, value in _fields(memoryview(content)):
        if number in (_MODEL_GRAPH, _MODEL_FUNCTIONS):
            graphs.append((value, _GRAPH_NODE if number == _MODEL_GRAPH else _FUNCTION_NODE))
    if not graphs:
        raise ValueError("expected a model with a graph, got none")
    while graphs:
        graph, node_number = graphs.pop()
        for number, node in _fields(graph):
            if number == node_number:
                name, domain, within = _node(node)
                found.add(Operator(name, domain))
                graphs.extend((inner, _GRAPH_NODE) for inner in within)
    return found


def _node(node: memoryview) -> tuple[str, str, list[memoryview]]:
    """Return a node's operator, its domain, and the graphs among its attributes."""
    name = domain = ""
    within: list[memoryview] = []
    for number, value in _fields(node):
        if number == _NODE_OPERATOR:
            name = str(value, "utf-8", "replace")
        elif number == _NODE_DOMAIN:
            domain = str(value, "utf-8", "replace")
        elif number == _NODE_ATTRIBUTE:
            within += [v for n, v in _fields(value) if n in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS)]
    return name, domain, within


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the fields of a message that hold bytes, with their numbers; others are skipped."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        elif kind == _BYTES:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError(f"expected {length:,} bytes more, got {len(message) - at:,}")
            yield key >> 3, message[at : at + length]
            at += length
        else:
            raise ValueError(f"expected a protocol buffer, got a field of kind {kind}")
    if at != len(message):
        raise ValueError("expected a whole protocol buffer, got one that ends early")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number of up to ten bytes, seven bits in each, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
    raise ValueError("expected a number, got more bytes than one has, or the end")
