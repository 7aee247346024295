"""Kinds of signatures by name: the package's own, and those that other packages bring."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from semsig.errors import OptionError
from semsig.signatures.base import SignatureKind

_LOG = logging.getLogger(__name__)

GROUP = "semsig.signatures"
"""Entry points of this group are further kinds: NAME = "package.module:KIND"."""

_OWN = {
    "sbs": "semsig.signatures.sbs.kind:SBS",
    "sbovp": "semsig.signatures.sbovp.kind:SBOVP",
    "pooled": "semsig.signatures.pooled.kind:POOLED",
}


def signature_names() -> tuple[str, ...]:
    """Return the names of all kinds, the package's own first; none is imported."""
    return (*_OWN, *_brought())


@cache
def load_signature(name: str) -> SignatureKind:
    """Return a kind of signature by its name; its module is imported on first use.

    Parameters
    ----------
    name : str
        "sbs", "sbovp", "pooled", or the name of an entry point of the group
        ``semsig.signatures``.

    Raises
    ------
    OptionError
        If there is none of that name, or another package's kind cannot be loaded.
    """
    if name in _OWN:
        module, _, kind = _OWN[name].partition(":")
        own: SignatureKind = getattr(import_module(module), kind)
        return own
    brought = _brought().get(name)
    if brought is None:
        known = ", ".join(signature_names())
        raise OptionError(f"Expected a signature of {known}; got {name!r}.")
    try:
        found: SignatureKind = brought.load()
    except (ImportError, AttributeError) as error:
        raise OptionError(
            f"Signature {name!r} of {brought.value} cannot be loaded: {error}."
        ) from error
    if found.name != name:
        raise OptionError(f"Expected a signature named {name!r}, got {found.name!r}.")
    return found


def signature_kinds() -> list[SignatureKind]:
    """Return every kind that can be loaded; a broken package does not affect the others."""
    kinds = []
    for name in signature_names():
        try:
            kinds.append(load_signature(name))
        except OptionError as error:
            _LOG.warning("%s", error)
    return kinds


def _brought() -> Mapping[str, EntryPoint]:
    """Return the entry points of other packages; none takes a name of the package's own."""
    found = {point.name: point for point in entry_points(group=GROUP) if point.name not in _OWN}
    return MappingProxyType(found)
