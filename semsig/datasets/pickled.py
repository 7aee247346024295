"""Ground truth published as Python pickles, read without executing anything.

A pickle is a program, and Python's own reader imports and calls whatever it names. This reader
knows only the instructions that build numbers, strings, lists, tuples, dictionaries and NumPy
arrays of numbers, and refuses all others.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from semsig.durable import read_regular
from semsig.errors import DatasetError

_MOST_BYTES = 64 << 20
"""Largest file that is read; the published ones are below 1 MiB."""

_MOST_ITEMS = 4_000_000
"""Most instructions that are run, and items that are returned: lists of the same list many times,
six deep, would fill any memory from a few kilobytes. Published files need below 1,000,000."""

_DEEPEST = 6
"""Deeper nesting than ground truth has; it also ends lists that hold themselves."""


def read_pickled(path: Path) -> Any:
    """Return what a pickle of plain data holds.

    Parameters
    ----------
    path : Path
        A pickle of any protocol.

    Returns
    -------
    object
        None, bool, int, float, str, bytes, list, tuple, dict, or ndarray of numbers.

    Raises
    ------
    DatasetError
        If the file cannot be read, is damaged, or holds anything else; nothing of it is run.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DatasetError(f"Expected ground truth below 64 MiB, got more in {path}.")
        machine = _Machine()
        content = read_regular(path, most=_MOST_BYTES)
        for number, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if number == _MOST_ITEMS:
                raise ValueError(f"more than {_MOST_ITEMS:,} instructions")
            machine.step(opcode.name, argument)
        return machine.result()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DatasetError(
            f"Expected a pickle of plain lists and arrays, got {error} in {path}. Nothing of it "
            "was run. Write the ground truth as JSON instead."
        ) from error


class _Named:
    """A name that a pickle may call: of NumPy's arrays and of bytes."""

    def __init__(self, module: str, name: str) -> None:
        if name not in _NAMES.get(module, ()):
            raise ValueError(f"the name {module}.{name}")
        self.name = name


_ARRAYS = ("_reconstruct", "scalar")
_NAMES = {
    "numpy": ("ndarray", "dtype"),
    "numpy.core.multiarray": _ARRAYS,
    "numpy._core.multiarray": _ARRAYS,
    "_codecs": ("encode",),
    "__builtin__": ("bytes",),
}


class _Array:
    """An array whose content is still to come."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None

    def build(self, state: Any) -> None:
        _, shape, dtype, columns_first, content = state
        flat = np.frombuffer(_bytes(content), dtype.value)
        self.value = flat.reshape(shape, order="F" if columns_first else "C").copy()


class _Dtype:
    """A dtype of numbers: integer, real or bool, no objects."""

    def __init__(self, code: Any) -> None:
        self.value = np.dtype(_text(code))
        if self.value.kind not in "iufb":
            raise ValueError(f"an array of {self.value}")

    def build(self, state: Any) -> None:
        order = _text(state[1])
        if order in ("<", ">"):
            self.value = self.value.newbyteorder("<" if order == "<" else ">")


class _Machine:
    """Runs the instructions that build plain data."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._items = 0

    def result(self) -> Any:
        """Return what is left at the end."""
        (value,) = self._stack
        return self._plain(value, depth=0)

    def _plain(self, value: Any, depth: int) -> Any:
        """Put arrays in place of those that were being made; refuse names."""
        self._items += 1
        if depth > _DEEPEST or self._items > _MOST_ITEMS:
            raise ValueError("deeper nesting or more items than ground truth has")
        if isinstance(value, _Array):
            if value.value is None:
                raise ValueError("an array without content")
            return value.value
        if isinstance(value, _Named | _Dtype):
            raise ValueError("a name in place of data")
        if isinstance(value, list | tuple):
            return type(value)([self._plain(item, depth + 1) for item in value])
        if isinstance(value, dict):
            return {key: self._plain(item, depth + 1) for key, item in value.items()}
        return value

    def step(self, name: str, argument: Any) -> None:
        """Run one instruction."""
        if name in _SILENT:
            return
        if name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in _VALUES:
            self._stack.append(argument)
        elif name in _STEPS:
            _STEPS[name](self, argument)
        else:
            raise ValueError(f"the instruction {name}")

    def mark(self, _: object) -> None:
        self._marks.append(len(self._stack))

    def _since_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _last(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise ValueError("too short a stack")
        items = self._stack[-count:]
        del self._stack[-count:]
        return items

    def put(self, place: int | None) -> None:
        self._memo[len(self._memo) if place is None else place] = self._stack[-1]

    def get(self, place: int) -> None:
        self._stack.append(self._memo[place])

    def pop(self, _: object) -> None:
        self._stack.pop()

    def append(self, _: object) -> None:
        (item,) = self._last(1)
        _list(self._stack[-1]).append(item)

    def appends(self, _: object) -> None:
        items = self._since_mark()
        _list(self._stack[-1]).extend(items)

    def set_item(self, _: object) -> None:
        key, value = self._last(2)
        _dict(self._stack[-1])[_text(key)] = value

    def set_items(self, _: object) -> None:
        items = self._since_mark()
        self._fill(_dict(self._stack[-1]), items)

    def _fill(self, target: dict[str, Any], items: list[Any]) -> None:
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_text(key)] = value

    def make_list(self, _: object) -> None:
        self._stack.append(self._since_mark())

    def make_tuple(self, _: object) -> None:
        self._stack.append(tuple(self._since_mark()))

    def make_dict(self, _: object) -> None:
        made: dict[str, Any] = {}
        self._fill(made, self._since_mark())
        self._stack.append(made)

    def tuple_of(self, count: int) -> None:
        self._stack.append(tuple(self._last(count)))

    def named(self, argument: str) -> None:
        module, name = argument.split(" ")
        self._stack.append(_Named(module, name))

    def named_by_stack(self, _: object) -> None:
        module, name = self._last(2)
        self._stack.append(_Named(_text(module), _text(name)))

    def reduce(self, _: object) -> None:
        called, arguments = self._last(2)
        if not isinstance(called, _Named) or not isinstance(arguments, tuple):
            raise ValueError("a call of something other than NumPy's arrays")
        self._stack.append(_CALLS[called.name](*arguments))

    def build(self, _: object) -> None:
        (state,) = self._last(1)
        target = self._stack[-1]
        if not isinstance(target, _Array | _Dtype) or not isinstance(state, tuple):
            raise ValueError("a state of something other than NumPy's arrays")
        target.build(state)


def _reconstruct(kind: Any, _shape: Any, _code: Any) -> _Array:
    if not isinstance(kind, _Named) or kind.name != "ndarray":
        raise ValueError("an array of another kind")
    return _Array()


def _scalar(dtype: Any, content: Any) -> Any:
    return np.frombuffer(_bytes(content), dtype.value, count=1)[0].item()


_CALLS: dict[str, Callable[..., Any]] = {
    "_reconstruct": _reconstruct,
    "scalar": _scalar,
    "dtype": lambda code, *_: _Dtype(code),
    "encode": lambda text, encoding: _bytes(text) if _text(encoding) == "latin1" else _no_bytes(),
    "bytes": lambda: b"",  # how older protocols write empty ones
    "ndarray": lambda *_: _no_bytes(),
}


def _no_bytes() -> Any:
    raise ValueError("bytes or an array in another form than NumPy's pickles")


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} instead of a text")
    return value


def _bytes(value: Any) -> bytes:
    """Return bytes; those of Python 2 are read as text, one byte per character."""
    return value if isinstance(value, bytes) else _text(value).encode("latin-1")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{type(value).__name__} instead of a list")
    return value


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} instead of a dictionary")
    return value


_SILENT = {"PROTO", "FRAME", "STOP"}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
}
_VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "POP": _Machine.pop,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "LIST": _Machine.make_list,
    "TUPLE": _Machine.make_tuple,
    "DICT": _Machine.make_dict,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": _Machine.named_by_stack,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}
