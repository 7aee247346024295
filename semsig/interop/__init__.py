"""Signatures out to other libraries and back: faiss, Arrow, Parquet, bitarray.

Every form holds the signatures in the order of ``index.ids`` and comes back exactly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semsig.interop.arrow import add_arrow as add_arrow
    from semsig.interop.arrow import from_arrow as from_arrow
    from semsig.interop.arrow import read_parquet as read_parquet
    from semsig.interop.arrow import to_arrow as to_arrow
    from semsig.interop.arrow import write_parquet as write_parquet
    from semsig.interop.bitarrays import add_bitarrays as add_bitarrays
    from semsig.interop.bitarrays import to_bitarrays as to_bitarrays
    from semsig.interop.faiss import from_faiss as from_faiss
    from semsig.interop.faiss import to_faiss as to_faiss

_HOMES = {
    "add_arrow": ("semsig.interop.arrow", ".[arrow]"),
    "add_bitarrays": ("semsig.interop.bitarrays", "bitarray"),
    "from_arrow": ("semsig.interop.arrow", ".[arrow]"),
    "from_faiss": ("semsig.interop.faiss", "faiss-cpu"),
    "read_parquet": ("semsig.interop.arrow", ".[arrow]"),
    "to_arrow": ("semsig.interop.arrow", ".[arrow]"),
    "to_bitarrays": ("semsig.interop.bitarrays", "bitarray"),
    "to_faiss": ("semsig.interop.faiss", "faiss-cpu"),
    "write_parquet": ("semsig.interop.arrow", ".[arrow]"),
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """Import what needs an optional package on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'semsig.interop' has no attribute {name!r}")
    module, package = _HOMES[name]
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        from semsig.errors import SemsigError

        raise SemsigError(
            f"semsig.interop.{name} needs {package} ({error}); run, in a clone for an "
            f"extra in brackets: pip install '{package}'"
        ) from error
