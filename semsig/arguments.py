"""Checks of argument types: a wrong type is refused by the argument's name before the call."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, KeysView, Mapping
from functools import wraps
from numbers import Integral, Real
from typing import ParamSpec, TypeVar

from semsig.errors import OptionError

P = ParamSpec("P")
R = TypeVar("R")
Kinds = tuple[type, ...]

NOTHING = type(None)
PATH: Kinds = (str, os.PathLike)
WHOLE: Kinds = (Integral,)
NUMBER: Kinds = (Real,)
FLAG: Kinds = (bool,)
MAPPING: Kinds = (Mapping,)
NAMES: Kinds = (str, list, tuple, set, frozenset, Iterator, KeysView)
"""One name or several."""

_SPOKEN = {str: "a text", Integral: "a whole number", Real: "a number", NOTHING: "None"}
_SPOKEN |= {os.PathLike: "a path", bool: "True or False", Mapping: "a mapping"}


def typed(**kinds: type | Kinds) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function refuse arguments that have none of the named types.

    Raises
    ------
    OptionError
        Raised by the function before it runs; says what was expected and what was got.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            given = signature.bind(*args, **kwargs).arguments
            for name in kinds.keys() & given.keys():
                expect(name, given[name], kinds[name])
            return function(*args, **kwargs)

        return checked

    return decorate


def expect(name: str, value: object, kinds: type | Kinds) -> None:
    """Raise :class:`OptionError` unless a value is of one of the types; a bool is no number."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    flag = isinstance(value, bool) and bool not in kinds and object not in kinds
    if flag or not isinstance(value, kinds):
        wanted = " or ".join(_SPOKEN.get(kind, kind.__name__) for kind in kinds)
        raise OptionError(f"Expected {name} to be {wanted}, got {type(value).__name__}.")
